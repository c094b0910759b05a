// matrix-js-sdk in Node, driven by a story.

import { news, serve } from "./lines.mjs";
import { Person } from "./person.mjs";

const person = new Person(news);
await serve((question) => person.handle(question));
process.exit(0);
