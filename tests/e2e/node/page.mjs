// The test page: matrix-js-sdk as a browser has it. `browser_client.mjs` bundles this and asks from outside.

import { Person } from "./person.mjs";

const person = new Person((fields) => window.tellStory(JSON.stringify(fields)));
window.askPerson = (question) => person.handle(JSON.parse(question)).then((answer) => JSON.stringify(answer ?? null));
