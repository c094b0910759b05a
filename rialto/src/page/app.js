// The page: the networks and their health, logging in with every kind of step, logging out. It speaks the same API as
// every other program: /_matrix/provision/v3, with the access token of the person's own Matrix session.

const API = "/_matrix/provision/v3/";
const KEPT = "rialto";
const LOOK_AGAIN_MS = 4000;

const $ = (id) => document.getElementById(id);
const settings = await (await fetch("settings.json")).json();
let session = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
let looking;

const WORDS = {
    CONNECTED: ["connected", "connected"],
    CONNECTING: ["wait", "connecting"],
    TRANSIENT_DISCONNECT: ["wait", "coming back"],
    BAD_CREDENTIALS: ["bad", "refused: log in again"],
    LOGGED_OUT: ["bad", "logged out"],
    UNKNOWN_ERROR: ["bad", "stopped"],
};

class Refusal extends Error {
    constructor(status, body) {
        super(body?.error ?? `The server answered ${status}.`);
        this.status = status;
        this.code = body?.errcode;
    }
}

async function call(method, address, body, token) {
    let response;
    try {
        response = await fetch(address, {
            method,
            headers: {
                ...(body === undefined ? {} : { "Content-Type": "application/json" }),
                ...(token ? { Authorization: `Bearer ${token}` } : {}),
            },
            body: body === undefined ? undefined : JSON.stringify(body),
        });
    } catch {
        throw new Refusal(0, { error: "The server does not answer." });
    }
    const answer = await response.json().catch(() => undefined);
    if (!response.ok) throw new Refusal(response.status, answer);
    return answer;
}

async function ask(method, path, body) {
    try {
        return await call(method, API + path, body, session.token);
    } catch (refusal) {
        if (refusal.status === 401) signedOut("Your session has ended; sign in again.");
        throw refusal;
    }
}

const matrix = (path) => `${settings.homeserver}/_matrix/client/v3/${path}`;

function element(name, { text, ...properties } = {}, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    if (text !== undefined) made.textContent = text;
    made.append(...children.filter(Boolean));
    return made;
}

function complain(where, words) {
    where.textContent = words ?? "";
    where.hidden = !words;
}

// Signing in and out

function signedOut(words) {
    session = null;
    sessionStorage.removeItem(KEPT);
    show(words);
}

$("sign-in-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target;
    const [user, password] = [form.user.value.trim(), form.password.value];
    await busy(form, async () => {
        try {
            const answer = await call("POST", matrix("login"), {
                type: "m.login.password",
                identifier: { type: "m.id.user", user },
                password,
                initial_device_display_name: "Rialto's page",
            });
            session = { token: answer.access_token, user: answer.user_id };
            sessionStorage.setItem(KEPT, JSON.stringify(session));
            form.reset();
            show();
        } catch (refusal) {
            complain($("trouble"), refusal.message);
        }
    });
});

$("leave").addEventListener("click", async () => {
    const token = session.token;
    signedOut();
    await call("POST", matrix("logout"), {}, token).catch(() => {});
});

async function busy(form, work) {
    const buttons = [...form.querySelectorAll("button:not(.quiet)")];
    for (const button of buttons) button.disabled = true;
    try {
        await work();
    } finally {
        for (const button of buttons) button.disabled = false;
    }
}

// The networks

function show(words) {
    clearTimeout(looking);
    complain($("trouble"), words);
    $("server").textContent = settings.server_name;
    $("sign-in").hidden = Boolean(session);
    $("who").hidden = $("networks").hidden = !session;
    if (session) {
        $("name").textContent = session.user;
        look();
    } else {
        $("networks").replaceChildren();
        $("sign-in-form").user.focus();
    }
}

async function look() {
    clearTimeout(looking);
    try {
        const whoami = await ask("GET", "whoami");
        complain($("trouble"));
        draw(whoami);
    } catch (refusal) {
        if (session) complain($("trouble"), refusal.message);
    }
    if (session) looking = setTimeout(look, LOOK_AGAIN_MS);
}

function draw({ login_flows: flows, logins }) {
    const networks = [...new Set(flows.map((flow) => flow.network))];
    const drawn = networks.map((network) => {
        const ways = flows.filter((flow) => flow.network === network);
        const mine = logins.filter((login) => login.network === network);
        return article(network, ways, mine);
    });
    if (drawn.length === 0) {
        const words = "No network is configured yet. `rialto config example` shows how.";
        drawn.push(element("article", {}, element("p", { text: words })));
    }
    const text = JSON.stringify([flows, logins.map(({ state, ...rest }) => [rest, state.state_event, state.message])]);
    // Redrawn only when something is new, so that nobody loses the button under their finger.
    if ($("networks").dataset.drawn === text) return;
    $("networks").dataset.drawn = text;
    $("networks").replaceChildren(...drawn);
}

function article(network, ways, mine) {
    const name = ways[0].name.split(":")[0];
    const buttons = ways.map((flow) => {
        const label = ways.length === 1 ? "Log in" : flow.name.slice(name.length + 1).trim();
        const button = element("button", { text: label, title: flow.description, className: mine.length ? "quiet" : "" });
        button.dataset.flow = flow.id;
        button.addEventListener("click", () => begin(flow, name));
        return button;
    });
    if (ways.length > 1) buttons.unshift(element("span", { text: "Log in" }));
    const heading = element("header", {}, element("h2", { text: name }), element("div", { className: "ways" }, ...buttons));
    const list = mine.length
        ? element("ul", {}, ...mine.map(line))
        : element("p", { text: "You are not logged in." });
    const drawn = element("article", {}, heading, list);
    drawn.dataset.network = network;
    return drawn;
}

function line(login) {
    const [look, words] = WORDS[login.state.state_event] ?? ["wait", login.state.state_event];
    const out = element("button", { text: "Log out", className: "quiet" });
    out.addEventListener("click", () => logOut(login, out));
    const message = login.state.message ? `${words}. ${login.state.message}` : words;
    const drawn = element(
        "li",
        {},
        element("span", { className: `dot ${look}`, ariaHidden: "true" }),
        element("span", { className: "words", text: login.name }, element("small", { text: `${login.id}, ${message}` })),
        out,
    );
    drawn.dataset.login = login.id;
    return drawn;
}

async function logOut(login, button) {
    if (!confirm(`Log ${login.name} out? Its credentials are deleted. Its rooms stay, but messages no longer cross.`)) return;
    button.disabled = true;
    try {
        await ask("POST", `logout/${encodeURIComponent(login.id)}`, {});
    } catch (refusal) {
        complain($("trouble"), refusal.message);
        button.disabled = false;
    }
    look();
}

// One login

let under_way;

async function begin(flow, network) {
    complain($("trouble"));
    try {
        const step = await ask("POST", `login/start/${encodeURIComponent(flow.id)}`, {});
        under_way = { step };
        $("step-title").textContent = `Log in to ${network}`;
        $("step").showModal();
        render();
    } catch (refusal) {
        complain($("trouble"), refusal.message);
    }
}

function render() {
    const { step } = under_way;
    complain($("step-trouble"));
    $("step-words").className = "";
    $("step-words").textContent = step.instructions;
    $("step-cancel").hidden = step.type === "complete";
    $("step-go").hidden = step.type === "display_and_wait";
    $("step-go").textContent = step.type === "complete" ? "Done" : "Go on";
    $("step").dataset.type = step.type;
    if (step.type === "user_input") {
        $("step-body").replaceChildren(...step.user_input.fields.map(input));
        $("step-body").querySelector("input, select")?.focus();
    } else if (step.type === "display_and_wait") {
        $("step-body").replaceChildren(...display(step.display_and_wait));
        hand_in({});
    } else {
        $("step-words").textContent = `You are logged in. ${step.instructions}`;
        $("step-body").replaceChildren();
        look();
    }
}

const TYPES = {
    password: ["password", "off"],
    token: ["password", "off"],
    "2fa_code": ["text", "one-time-code"],
    phone_number: ["tel", "tel"],
    email: ["email", "email"],
    url: ["url", "url"],
};

function input(field) {
    const [type, autocomplete] = TYPES[field.type] ?? ["text", "off"];
    const control =
        field.type === "select"
            ? element("select", { name: field.id }, ...field.options.map((option) => element("option", { text: option })))
            : element("input", { name: field.id, type, autocomplete, spellcheck: false, autocapitalize: "none" });
    control.required = !field.optional;
    const name = field.optional ? `${field.name} (may be left out)` : field.name;
    return element("label", { text: name }, field.description && element("small", { text: field.description }), control);
}

function display({ type, data, image_url, url }) {
    const waiting = element("p", { className: "waiting", text: "Waiting for you to do that…" });
    if (image_url) return [element("img", { className: "qr", src: image_url, alt: "QR code" }), waiting];
    if (url) {
        const link = element("a", { href: url, target: "_blank", rel: "noreferrer", text: "Open the page" });
        return [element("p", {}, link), waiting];
    }
    return [data && element("p", { className: type === "emoji" ? "emoji" : "code", text: data }), waiting].filter(Boolean);
}

async function hand_in(answers) {
    const mine = under_way;
    const { login_id: process, step_id: id, type, txn_id: txn } = mine.step;
    const path = `login/step/${process}/${encodeURIComponent(id)}/${type}?txn_id=${encodeURIComponent(txn)}`;
    try {
        const step = await ask("POST", path, answers);
        if (under_way !== mine) return;
        mine.step = step;
        render();
    } catch (refusal) {
        if (under_way !== mine) return;
        if (refusal.status === 0) {
            complain($("step-trouble"), refusal.message);
            // Asked again, the same step is answered again and done once.
            setTimeout(() => under_way === mine && hand_in(answers), 2000);
        } else {
            complain($("step-trouble"), refusal.message);
            $("step-body").querySelector(".waiting")?.remove();
        }
    }
}

$("step-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (under_way?.step.type !== "user_input") return close();
    const answers = Object.fromEntries([...new FormData(event.target)].filter(([, value]) => value !== ""));
    busy(event.target, () => hand_in(answers));
});

$("step-cancel").addEventListener("click", () => close());
$("step").addEventListener("cancel", (event) => {
    event.preventDefault();
    close();
});

function close() {
    const process = under_way?.step.type === "complete" ? undefined : under_way?.step.login_id;
    under_way = undefined;
    $("step").close();
    // A password does not stay behind in a form nobody sees.
    $("step-body").replaceChildren();
    if (process) ask("POST", `login/cancel/${process}`, {}).catch(() => {});
    look();
}

show();
