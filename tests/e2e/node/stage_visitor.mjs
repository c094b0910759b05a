// Somebody who plays both sides on the demo's stage, driven by a story.

import { visit } from "./visitor.mjs";

await visit({ width: 1280, height: 860 }, (page, { shown, until }) => {
    const field = async (side, name, value) => {
        const input = await page.$(`#${side} .say [name="${name}"]`);
        await input.click({ count: 3 });
        await input.type(value);
    };
    // Marks the line with these words and returns how it is found.
    const line = async (side, words) => {
        await until(
            (side, words) => {
                const lines = [...document.querySelectorAll(`#${side} .lines li`)];
                return lines.some((one) => one.textContent.includes(words));
            },
            side,
            words,
        );
        return page.evaluateHandle(
            (side, words) =>
                [...document.querySelectorAll(`#${side} .lines li`)].find((one) => one.textContent.includes(words)),
            side,
            words,
        );
    };
    return {
        open: async ({ url }) => {
            await page.goto(url);
            await shown("#matrix .say:not([hidden])");
            return { address: page.url() };
        },
        // Waits for a line with these words; returns all that is in it.
        line: async ({ side, words }) => (await line(side, words)).evaluate((one) => one.textContent),
        gone: ({ side, words }) =>
            until(
                (side, words) =>
                    ![...document.querySelectorAll(`#${side} .lines li`)].some((one) => one.textContent.includes(words)),
                side,
                words,
            ).then(() => true),
        say: async ({ side, who, words }) => {
            if (who) await field(side, "who", who);
            await field(side, "text", words);
            await page.click(`#${side} .say button`);
        },
        press: async ({ side, words, button }) => {
            const found = await line(side, words);
            await found.evaluate((one, button) => {
                [...one.querySelectorAll("button")].find((each) => each.textContent.startsWith(button)).click();
            }, button);
        },
        mischief: async ({ what }) => {
            await page.click(`[data-what="${what}"]`);
            await until(() => document.querySelector("#network .done").textContent !== "");
        },
    };
});
