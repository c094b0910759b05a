// Somebody with Chromium. Arguments of every visitor: where Chromium is, a folder for its profile, the light they like
// (light or dark).

import puppeteer from "puppeteer-core";
import { serve } from "./lines.mjs";

const PATIENCE_MS = 60_000;

/** Opens the browser; answers the story's questions with what `verbs(page, hands)` can do, until the story ends. */
export async function visit(viewport, verbs) {
    const [chromium, profile, light] = process.argv.slice(2);
    const browser = await puppeteer.launch({
        executablePath: chromium,
        userDataDir: profile,
        args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
    });
    const page = await browser.newPage();
    await page.setViewport(viewport);
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: light }]);
    const faults = [];
    page.on("console", (message) => {
        if (/Content Security|Mixed Content|Uncaught/i.test(message.text())) faults.push(message.text());
    });
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("dialog", (dialog) => dialog.accept());
    const hands = {
        text: (selector) => page.$eval(selector, (element) => element.textContent.trim()),
        shown: (selector) => page.waitForSelector(selector, { visible: true, timeout: PATIENCE_MS }),
        until: (what, ...given) => page.waitForFunction(what, { timeout: PATIENCE_MS }, ...given),
    };
    const all = {
        picture: async ({ file }) => {
            await page.screenshot({ path: file });
        },
        faults: () => faults,
        ...verbs(page, hands),
    };
    await serve((question) => all[question.verb](question));
    await browser.close();
    process.exit(0);
}
