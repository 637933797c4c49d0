// An app of the fourth major whose work is checkpointed: functions of many steps, and durable endpoints.
// Copied beside an installed SDK, and run there: serve_durable.mjs PORT. `GET /marks` tells which steps ran;
// a step named by `hold` waits for `POST /release`.

import http from "node:http";
import { Inngest, NonRetriableError, step } from "inngest";
import { endpointAdapter, serve, serveEndpoint } from "inngest/node";

const port = Number(process.argv[2]);
const inngest = new Inngest({ id: "durable", endpointAdapter });
const marks = [];
let released;
let release;
const hold = () => ((release = undefined), (released = new Promise((resolve) => (release = resolve))));
hold();

const mark = (what, part) => marks.push({ what, part, at: Date.now() });

const steps = (id, options) =>
  inngest.createFunction(
    { id, retries: 2, ...options, triggers: [{ event: `durable/${id}` }] },
    async ({ event, step, runId }) => {
      const found = [];
      for (let n = 0; n < 10; n++) {
        found.push(
          await step.run(`s${n}`, async () => {
            mark(runId, n);
            if (n === event.data.hold) await released;
            return n;
          }),
        );
      }
      return found;
    },
  );

const endpoints = {
  "/plain": async () => {
    const a = await step.run("a", async () => (mark("/plain", "a"), "a"));
    const b = await step.run("b", async () => (mark("/plain", "b"), `${a}b`));
    return Response.json({ found: b });
  },
  "/slow": async (request) => {
    const query = new URL(request.url).searchParams;
    const a = await step.run("a", async () => (mark("/slow", "a"), "a"));
    await step.sleep("nap", "50ms");
    const b = await step.run("b", async () => (mark("/slow", "b"), `${a}b`));
    return Response.json({ found: b, x: query.get("x") });
  },
  "/posted": async (request) => {
    const n = new URL(request.url).searchParams.get("n"); // the SDK has read the body
    const found = await Promise.all(
      ["a", "b"].map((id) => step.run(id, async () => (mark("/posted", id), `${id}${n}`))),
    );
    return Response.json({ found });
  },
  "/broken": async () => {
    await step.run("a", async () => (mark("/broken", "a"), "a"));
    await step.sleep("nap", "50ms");
    throw new NonRetriableError("it is broken");
  },
};
const served = Object.fromEntries(
  Object.entries(endpoints).map(([path, handler]) => [path, serveEndpoint(inngest.endpoint(handler))]),
);
const handle = serve({ client: inngest, functions: [steps("ten"), steps("plain-ten", { checkpointing: false })] });

http
  .createServer((request, response) => {
    const path = request.url.split("?")[0];
    if (path === "/marks") {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(marks));
    } else if (path === "/release") {
      release();
      hold();
      response.end();
    } else if (served[path]) {
      served[path](request, response);
    } else {
      handle(request, response);
    }
  })
  .listen(port, "127.0.0.1");
