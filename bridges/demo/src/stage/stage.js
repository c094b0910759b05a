// Both sides of the bridge, side by side. The left one knows Matrix and nothing of the bridge, the right one the network.

import { play as playMatrix } from "./matrix.js";
import { play as playNetwork } from "./network.js";

export function element(name, { text, data, ...properties } = {}, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    if (text !== undefined) made.textContent = text;
    Object.assign(made.dataset, data);
    made.append(...children.filter(Boolean));
    return made;
}

export function complain(side, words) {
    const place = side.querySelector(":scope > .trouble");
    place.textContent = words ?? "";
    place.hidden = !words;
}

// Puts other lines in the place of those that are there; stays at the end if the reader was there.
export function fill(list, lines) {
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    list.replaceChildren(...lines);
    if (atEnd) list.scrollTop = list.scrollHeight;
}

export const REACTIONS = ["👍", "❤️", "😂"];

export function reactionButtons(counts, mine, toggle) {
    const emojis = [...new Set([...REACTIONS, ...counts.keys()])];
    return emojis.map((emoji) => {
        const count = counts.get(emoji) ?? 0;
        const button = element("button", {
            type: "button",
            className: "quiet",
            text: count ? `${emoji} ${count}` : emoji,
            onclick: () => toggle(emoji, !mine.has(emoji)),
        });
        button.setAttribute("aria-pressed", String(mine.has(emoji)));
        return button;
    });
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

playMatrix(document.getElementById("matrix"));
playNetwork(document.getElementById("network"));
