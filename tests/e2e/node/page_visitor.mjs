// Somebody who visits Rialto's page, driven by a story.

import { visit } from "./visitor.mjs";

await visit({ width: 900, height: 760 }, (page, { text, shown }) => ({
    open: async ({ url }) => {
        await page.goto(url);
        await shown("#sign-in:not([hidden]), #networks:not([hidden])");
        return { address: page.url() };
    },
    sign_in: async ({ user, password }) => {
        await page.type("#sign-in-form input[name=user]", user);
        await page.type("#sign-in-form input[name=password]", password);
        await page.click("#sign-in-form button");
        await shown("article[data-network], #trouble:not([hidden])");
        return { trouble: await text("#trouble") };
    },
    networks: () =>
        page.$$eval("article[data-network]", (all) => all.map((one) => one.dataset.network)),
    begin: async ({ flow }) => {
        await page.click(`button[data-flow="${flow}"]`);
        await shown("dialog[open][data-type]");
    },
    // What the login shows, once it is at a step of this kind.
    step: async ({ type, selector }) => {
        await shown(`dialog[open][data-type=${type}]${selector ? ` ${selector}` : ""}`);
        return {
            words: await text("#step-words"),
            fields: await page.$$eval("#step-body input, #step-body select", (all) => all.map(({ name, type }) => [name, type])),
            link: await page.$$eval("#step-body a", (all) => all.map((one) => one.href)),
        };
    },
    fill: async ({ answers }) => {
        for (const [name, value] of Object.entries(answers)) {
            const field = await page.$(`#step-body [name="${name}"]`);
            if ((await field.evaluate((element) => element.tagName)) === "SELECT") {
                await field.select(value);
            } else {
                await field.click({ count: 3 });
                await field.type(value);
            }
        }
        await page.click("#step-go");
    },
    trouble: async () => {
        await shown("#step-trouble");
        return text("#step-trouble");
    },
    done: async () => {
        await page.click("#step-go");
        await page.waitForSelector("dialog[open]", { hidden: true });
    },
    cancel: async () => {
        await page.click("#step-cancel");
        await page.waitForSelector("dialog[open]", { hidden: true });
    },
    login: async ({ login, look }) => {
        await shown(`li[data-login="${login}"] .dot${look ? `.${look}` : ""}`);
        return text(`li[data-login="${login}"] .words`);
    },
    log_out: async ({ login }) => {
        await page.click(`li[data-login="${login}"] button`);
        await page.waitForSelector(`li[data-login="${login}"]`, { hidden: true, timeout: 60_000 });
    },
    sign_out: async () => {
        await page.click("#leave");
        await shown("#sign-in");
    },
    ground: () => page.$eval("html", (element) => getComputedStyle(element).backgroundColor),
    kept: () => page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }])),
}));
