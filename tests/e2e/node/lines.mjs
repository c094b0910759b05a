// Speaks JSON lines with the story that started us: questions on standard input, answers and news on standard output.

import readline from "node:readline";

/** Tells the story something it did not ask for. */
export function news(fields) {
    process.stdout.write(JSON.stringify({ news: fields }) + "\n");
}

/** Answers each line with what `handle(question)` returns, until standard input ends. Questions are answered side by side. */
export async function serve(handle) {
    for await (const line of readline.createInterface({ input: process.stdin })) {
        const question = JSON.parse(line);
        Promise.resolve()
            .then(() => handle(question))
            .then((answer) => ({ id: question.id, answer: answer ?? null }))
            .catch((error) => ({ id: question.id, error: String(error?.stack ?? error) }))
            .then((reply) => process.stdout.write(JSON.stringify(reply) + "\n"));
    }
}
