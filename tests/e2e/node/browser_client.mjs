// matrix-js-sdk on a page in Chromium, driven by a story. The page has an origin of its own, so that every request to the
// homeserver has to pass what browsers demand of other origins (CORS). Arguments: where Chromium is, a folder for its profile.

import http from "node:http";
import path from "node:path";
import { build } from "esbuild";
import puppeteer from "puppeteer-core";
import { news, serve } from "./lines.mjs";

const [chromium, profile] = process.argv.slice(2);
const bundle = await build({
    entryPoints: [path.join(import.meta.dirname, "page.mjs")],
    bundle: true,
    format: "esm",
    write: false,
    nodePaths: [path.join(process.env.PEERS, "node_modules")],
    define: { global: "globalThis" },
    logLevel: "error",
});
const script = bundle.outputFiles[0].contents;

const server = http.createServer((request, response) => {
    if (request.url === "/page.js") {
        response.writeHead(200, { "Content-Type": "text/javascript" }).end(script);
    } else if (request.url === "/") {
        response.writeHead(200, { "Content-Type": "text/html" });
        response.end('<!doctype html><title>story</title><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>');
    } else {
        response.writeHead(404).end();
    }
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));

const browser = await puppeteer.launch({
    executablePath: chromium,
    userDataDir: profile,
    // Root may not use the sandbox, and a test machine may have no large /dev/shm.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
});
const page = await browser.newPage();
// What the browser refused, in its own words; the story looks at it in the end.
const refused = [];
page.on("console", (message) => {
    if (/CORS|Cross-Origin|Content Security|Mixed Content/i.test(message.text())) refused.push(message.text());
});
page.on("pageerror", (error) => refused.push(String(error)));
await page.exposeFunction("tellStory", (fields) => news(JSON.parse(fields)));
await page.goto(`http://127.0.0.1:${server.address().port}/`);
await page.waitForFunction("window.askPerson !== undefined");

await serve(async (question) => {
    if (question.verb === "refused") return refused;
    return JSON.parse(await page.evaluate((text) => window.askPerson(text), JSON.stringify(question)));
});
await browser.close();
process.exit(0);
