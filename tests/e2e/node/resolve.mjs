// Packages lie where `cargo xtask peers` has put them (`PEERS`), not beside these scripts: this finds them there.

import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";

const there = pathToFileURL(process.env.PEERS + "/").href;
const here = new URL(".", import.meta.url).href;

registerHooks({
    resolve(specifier, context, next) {
        const isPackage = /^[@a-z]/.test(specifier) && !specifier.includes(":");
        const ours = context.parentURL?.startsWith(here);
        return next(specifier, isPackage && ours ? { ...context, parentURL: there } : context);
    },
});
