// Serves the app of outbound.mjs. Copied beside an installed SDK, and run there:
// serve_outbound.mjs MAJOR PORT ID, and after that "streaming" or "traced".

import http from "node:http";
import * as sdk from "inngest";
import { serve } from "inngest/node";
import { marks, outbound } from "./outbound.mjs";

const major = Number(process.argv[2]);
const port = Number(process.argv[3]);
const option = process.argv[5];
const more = major === 4 ? await import("inngest/experimental") : null;
const middleware = more ? [more.metadataMiddleware()] : [];
if (option === "traced") middleware.push(more.extendedTracesMiddleware({ instrumentations: [] }));
const inngest = new sdk.Inngest({ id: process.argv[4], middleware });
const handle = serve({
  client: inngest,
  functions: outbound(inngest, sdk, major, more),
  streaming: option === "streaming",
});

http
  .createServer((request, response) => {
    if (request.url === "/marks") {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(marks));
      return;
    }
    handle(request, response);
  })
  .listen(port, "127.0.0.1");
