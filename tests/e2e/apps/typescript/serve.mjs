// Serves the app of one major. Copied beside an installed SDK, and run there: serve.mjs MAJOR PORT.

import http from "node:http";
import * as sdk from "inngest";
import { serve } from "inngest/node";
import { functions, marks } from "./functions.mjs";

const major = Number(process.argv[2]);
const port = Number(process.argv[3]);
const inngest = new sdk.Inngest({ id: `ts${major}` });
const handle = serve({ client: inngest, functions: functions(inngest, sdk, major) });

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
