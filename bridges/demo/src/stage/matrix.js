// The Matrix side: as much of a client as a visit takes, with nothing but the Client-Server API.

import { complain, element, fill, pause, reactionButtons } from "./stage.js";

const API = "/_matrix/client/v3/";
const KEPT = "rialto-stage";

let side;
let session = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
let shown = null;
let counter = Date.now();
let editing = null;
const rooms = new Map();

async function call(method, path, body) {
    const response = await fetch(API + path, {
        method,
        headers: {
            ...(body === undefined ? {} : { "Content-Type": "application/json" }),
            ...(session ? { Authorization: `Bearer ${session.token}` } : {}),
        },
        body: body === undefined ? undefined : JSON.stringify(body),
    });
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return answer;
    const error = new Error(answer.error ?? `The server answered ${response.status}.`);
    error.status = response.status;
    throw error;
}

async function signIn(user, password) {
    const answer = await call("POST", "login", {
        type: "m.login.password",
        identifier: { type: "m.id.user", user },
        password,
        initial_device_display_name: "Both sides of the bridge",
    });
    session = { token: answer.access_token, user: answer.user_id };
    sessionStorage.setItem(KEPT, JSON.stringify(session));
}

const send = (type, content) =>
    call("PUT", `rooms/${encodeURIComponent(shown)}/send/${type}/stage${counter++}`, content);

async function attempt(deed) {
    try {
        await deed();
        complain(side);
    } catch (error) {
        complain(side, error.message);
    }
}

// What a room is made of

function room(id) {
    if (!rooms.has(id)) {
        rooms.set(id, { id, name: "", names: new Map(), lines: [], byId: new Map(), typing: [], portal: false });
    }
    return rooms.get(id);
}

function take(into, event) {
    const { content = {} } = event;
    if (event.state_key !== undefined) return takeState(into, event);
    if (event.type === "m.room.redaction") {
        const gone = event.redacts ?? content.redacts;
        into.lines = into.lines.filter((line) => line.id !== gone);
        for (const line of into.lines) line.reactions = line.reactions.filter((one) => one.id !== gone);
    } else if (event.type === "m.reaction") {
        const { event_id: target, key } = content["m.relates_to"] ?? {};
        const line = into.byId.get(target);
        if (line && key) line.reactions.push({ id: event.event_id, by: event.sender, key });
    } else if (event.type === "com.beeper.message_send_status") {
        const line = into.byId.get(content["m.relates_to"]?.event_id);
        if (line) line.status = content;
    } else if (event.type === "m.room.message") {
        takeMessage(into, event);
    }
}

function takeState(into, { type, state_key: key, content }) {
    if (type === "m.room.name") into.name = content.name ?? "";
    if (type === "m.bridge") into.portal = true;
    if (type === "m.room.member") into.names.set(key, content.displayname ?? key);
}

function takeMessage(into, { event_id: id, sender, content }) {
    const relates = content["m.relates_to"] ?? {};
    if (relates.rel_type === "m.replace") {
        const line = into.byId.get(relates.event_id);
        if (line) Object.assign(line, { text: content["m.new_content"]?.body ?? content.body, edited: true });
        return;
    }
    const line = { id, sender, text: content.body ?? "", to: relates["m.in_reply_to"]?.event_id, reactions: [] };
    into.lines.push(line);
    into.byId.set(id, line);
}

// Showing it

const STATUS = { SUCCESS: "carried over", PENDING: "on its way", FAIL_PERMANENT: "not carried over", FAIL_RETRIABLE: "not carried over" };

function status(line) {
    if (line.sender !== session.user || !line.status) return null;
    const { status: kind, message } = line.status;
    const bad = kind?.startsWith("FAIL");
    const words = bad && message ? `${STATUS[kind]}: ${message}` : (STATUS[kind] ?? "");
    return element("span", { className: bad ? "note bad" : "note", text: `\n${words}` });
}

function drawn(here, line) {
    const mine = line.sender === session.user;
    const answered = here.byId.get(line.to);
    const counts = new Map();
    for (const { key } of line.reactions) counts.set(key, (counts.get(key) ?? 0) + 1);
    const own = new Map(line.reactions.filter(({ by }) => by === session.user).map(({ key, id }) => [key, id]));
    const react = (key, set) =>
        attempt(() =>
            set
                ? send("m.reaction", { "m.relates_to": { rel_type: "m.annotation", event_id: line.id, key } })
                : redact(own.get(key)),
        );
    const button = (text, onclick) => element("button", { type: "button", className: "quiet", text, onclick });
    return element(
        "li",
        { className: mine ? "mine" : "", data: { id: line.id } },
        element("span", { className: "by", text: here.names.get(line.sender) ?? line.sender }),
        answered && element("span", { className: "to", text: answered.text }),
        element("span", { text: line.text }),
        line.edited && element("span", { className: "note", text: " (changed)" }),
        status(line),
        element(
            "div",
            { className: "deeds" },
            ...reactionButtons(counts, own, react),
            button("Answer", () => begin({ to: line }, `Answer ${here.names.get(line.sender) ?? ""}`)),
            mine && button("Change", () => begin({ change: line }, "Change it", line.text)),
            mine && button("Take back", () => attempt(() => redact(line.id))),
        ),
    );
}

const redact = (id) =>
    call("PUT", `rooms/${encodeURIComponent(shown)}/redact/${encodeURIComponent(id)}/stage${counter++}`, {});

function begin(what, placeholder, value = "") {
    editing = what;
    const field = side.querySelector("[name=text]");
    Object.assign(field, { placeholder, value });
    field.focus();
}

function show() {
    const signedIn = session !== null;
    side.querySelector("#sign-in").hidden = signedIn;
    side.querySelector(".say").hidden = !signedIn;
    const choice = side.querySelector("select");
    choice.hidden = !signedIn;
    // A portal is what one came for.
    shown ??= [...rooms.values()].find((one) => one.portal)?.id ?? null;
    const options = [...rooms.values()].map((one) =>
        element("option", { value: one.id, text: one.name || (one.portal ? "a chat" : "the bot"), selected: one.id === shown }),
    );
    choice.replaceChildren(...options);
    const here = rooms.get(shown);
    fill(side.querySelector(".lines"), signedIn && here ? here.lines.map((line) => drawn(here, line)) : []);
    const typing = here?.typing.filter((user) => user !== session?.user).map((user) => here.names.get(user) ?? user) ?? [];
    side.querySelector(".typing").textContent = typing.length ? `${typing.join(", ")} …` : "";
}

async function listen() {
    let since = "";
    while (session) {
        try {
            const filter = encodeURIComponent(JSON.stringify({ room: { timeline: { limit: 50 } } }));
            const news = await call("GET", `sync?timeout=25000&filter=${filter}${since && `&since=${since}`}`);
            since = news.next_batch;
            for (const [id, joined] of Object.entries(news.rooms?.join ?? {})) {
                const here = room(id);
                for (const event of joined.state?.events ?? []) takeState(here, event);
                for (const event of joined.timeline?.events ?? []) take(here, event);
                for (const event of joined.ephemeral?.events ?? []) {
                    if (event.type === "m.typing") here.typing = event.content.user_ids;
                }
            }
            for (const id of Object.keys(news.rooms?.invite ?? {})) await call("POST", `join/${encodeURIComponent(id)}`, {});
            show();
        } catch (error) {
            if (error.status === 401) {
                session = null;
                sessionStorage.removeItem(KEPT);
                show();
                return;
            }
            await pause(2000);
        }
    }
}

async function say(text) {
    const { to, change } = editing ?? {};
    const content = { msgtype: "m.text", body: text };
    if (to) content["m.relates_to"] = { "m.in_reply_to": { event_id: to.id } };
    if (change) {
        Object.assign(content, {
            body: `* ${text}`,
            "m.new_content": { msgtype: "m.text", body: text },
            "m.relates_to": { rel_type: "m.replace", event_id: change.id },
        });
    }
    await send("m.room.message", content);
    editing = null;
}

export async function play(place) {
    side = place;
    side.querySelector("#sign-in").addEventListener("submit", (event) => {
        event.preventDefault();
        const { user, password } = event.target.elements;
        attempt(async () => {
            await signIn(user.value, password.value);
            listen();
        });
    });
    side.querySelector("select").addEventListener("change", (event) => {
        shown = event.target.value;
        show();
    });
    side.querySelector(".say").addEventListener("submit", (event) => {
        event.preventDefault();
        const field = side.querySelector(".say [name=text]");
        if (field.value.trim()) {
            attempt(async () => {
                await say(field.value);
                Object.assign(field, { value: "", placeholder: "Write as yourself" });
            });
        }
    });
    // The program that made the account says how to get in behind the `#`, which leaves no browser.
    const [user, password] = decodeURIComponent(location.hash.slice(1)).split(":");
    history.replaceState(null, "", location.pathname);
    if (password) await attempt(() => signIn(user, password));
    show();
    if (session) listen();
}
