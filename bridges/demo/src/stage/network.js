// The network's side: whoever the person says they are writes, answers, changes, takes back and reacts.

import { complain, element, fill, pause, reactionButtons } from "./stage.js";

let side;
let scene = { said: [], members: [], reachable: true };
let editing = null;
let answering = null;

const who = () => side.querySelector("[name=who]").value.trim();

async function post(address, body) {
    const response = await fetch(address, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
    });
    if (response.ok) return complain(side);
    complain(side, (await response.text()) || `The network answered ${response.status}.`);
}

const deed = (what) => post("deed", { who: who(), ...what });

function line(said) {
    const mine = said.by === who();
    const answered = scene.said.find((other) => other.number === said.reply_to);
    const counts = new Map();
    for (const [, emoji] of said.reactions) counts.set(emoji, (counts.get(emoji) ?? 0) + 1);
    const own = new Set(said.reactions.filter(([by]) => by === who()).map(([, emoji]) => emoji));
    const button = (text, onclick) => element("button", { type: "button", className: "quiet", text, onclick });
    return element(
        "li",
        { className: mine ? "mine" : "", data: { number: said.number } },
        element("span", { className: "by", text: said.by }),
        answered && element("span", { className: "to", text: `${answered.by}: ${answered.text}` }),
        element("span", { text: said.file ? `📎 ${said.file} ${said.text}` : said.text }),
        said.edited && element("span", { className: "note", text: " (changed)" }),
        element(
            "div",
            { className: "deeds" },
            ...reactionButtons(counts, own, (emoji, set) => deed({ do: "react", number: said.number, emoji, set })),
            button("Answer", () => begin(said, false)),
            mine && button("Change", () => begin(said, true)),
            mine && button("Take back", () => deed({ do: "take_back", number: said.number })),
        ),
    );
}

function begin(said, changing) {
    [editing, answering] = changing ? [said.number, null] : [null, said.number];
    const text = side.querySelector("[name=text]");
    text.value = changing ? said.text : "";
    text.placeholder = changing ? "Change it" : `Answer ${said.by}`;
    text.focus();
}

function show() {
    side.querySelector(".members").textContent =
        (scene.topic ? `${scene.topic} · ` : "") + `lobby: ${scene.members.join(", ") || "nobody"}`;
    fill(side.querySelector(".lines"), scene.said.map(line));
    const plug = side.querySelector("[data-what=reachable]");
    plug.textContent = scene.reachable ? "Pull the plug" : "Plug it in again";
}

async function misbehave(button) {
    const { what } = button.dataset;
    await post("mischief", what === "reachable" ? { what, reachable: !scene.reachable } : { what });
    const words = {
        reachable: scene.reachable ? "The network is gone; what you write waits." : "The network is back.",
        lose_answer: "The next message will arrive, and nobody will be told.",
        refuse: "The next message will be refused; its writer is told why.",
        busy: "The next message has to wait for ten seconds.",
        forget_files: "All files are gone.",
    };
    side.querySelector(".done").textContent = words[what];
}

async function listen() {
    let seen = 0;
    for (;;) {
        try {
            const response = await fetch(`scene?seen=${seen}`);
            scene = await response.json();
            seen = scene.seen;
            show();
        } catch {
            complain(side, "The program does not answer.");
            await pause(2000);
        }
    }
}

export function play(place) {
    side = place;
    side.querySelector("[name=who]").addEventListener("input", show);
    side.querySelector(".say").addEventListener("submit", async (event) => {
        event.preventDefault();
        const field = side.querySelector("[name=text]");
        const text = field.value;
        if (!text.trim()) return;
        if (editing !== null) await deed({ do: "edit", number: editing, text });
        else if (answering !== null) await deed({ do: "answer", number: answering, text });
        else await deed({ do: "say", text });
        [editing, answering] = [null, null];
        field.value = "";
        field.placeholder = "Write as somebody there";
    });
    for (const button of side.querySelectorAll("[data-what]")) {
        button.addEventListener("click", () => misbehave(button));
    }
    listen();
}
