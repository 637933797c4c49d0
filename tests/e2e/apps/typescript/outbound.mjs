// Functions that leave requests to the server, defer runs and note metadata, for both majors of the SDK.

export const marks = [];

export function outbound(inngest, sdk, major, more) {
  const id = inngest.id;
  const mark = (what, about) => marks.push({ what, ...about });
  const define = (options, trigger, handler) =>
    major === 3
      ? inngest.createFunction(options, trigger, handler)
      : inngest.createFunction({ ...options, triggers: [trigger] }, handler);
  const on = (name) => ({ event: `${id}/${name}` });

  const found = [
    define({ id: "fetching", retries: 1 }, on("fetching"), async ({ event, step }) => {
      try {
        const response = await step.fetch(event.data.url, event.data.init);
        return { status: response.status, kind: response.headers.get("x-kind"), body: await response.text() };
      } catch (error) {
        return { error: error.message, name: error.name };
      }
    }),

    define({ id: "gathering", retries: 0 }, on("gathering"), async ({ event, step }) => {
      const found = await Promise.all(event.data.urls.map((url) => step.fetch(url)));
      return await Promise.all(found.map((response) => response.text()));
    }),

    define({ id: "inferring", retries: 1 }, on("inferring"), async ({ event, step }) => {
      const { url, headers, authKey, format, body } = event.data;
      const model = { url, headers, authKey, format, options: {} };
      try {
        return await step.ai.infer("ask", { model, body });
      } catch (error) {
        return { error: error.message, name: error.name };
      }
    }),

    define({ id: "modelled", retries: 0 }, on("modelled"), async ({ event, step }) => {
      const { openai, anthropic, gemini } = step.ai.models;
      const baseUrl = event.data.url;
      const model = {
        openai: () => openai({ model: "gpt-4o-mini", apiKey: "key-o", baseUrl }),
        anthropic: () =>
          anthropic({ model: "claude-3-5-haiku-latest", apiKey: "key-a", baseUrl, defaultParameters: { max_tokens: 5 } }),
        gemini: () => gemini({ model: "gemini-2.0-flash", apiKey: "key-g", baseUrl }),
      }[event.data.provider]();
      return await step.ai.infer("ask", { model, body: event.data.body });
    }),

    define({ id: "plain", retries: 0 }, on("plain"), async ({ step }) => {
      const a = await step.run("a", () => "a");
      return a + (await step.run("b", () => "b"));
    }),
  ];
  if (more) found.push(...lately(inngest, more, define, on, mark));
  return found;
}

function lately(inngest, { createDefer }, define, on, mark) {
  const later = createDefer(inngest, { id: "later", retries: 0 }, async ({ event, parents }) => {
    mark("later", { data: event.data, parents });
    return event.data;
  });
  return [
    later,

    define({ id: "deferring", retries: 0 }, on("deferring"), async ({ event, step, defer }) => {
      defer("first", { function: later, data: { n: 1 } });
      const dropped = defer("second", { function: later, data: { n: 2 } });
      await step.run("a", () => "a");
      dropped.abort();
      await step.run("b", () => "b");
      if (event.data.fail) throw new Error("failed");
      return "done";
    }),

    define({ id: "traced", retries: 0 }, on("traced"), async ({ step, tracer }) => {
      await step.run("a", () => tracer.startActiveSpan("within", (span) => (span.end(), "a")));
      return "done";
    }),

    define({ id: "noting", retries: 0 }, on("noting"), async ({ event, step, runId }) => {
      await step.run("a", async () => {
        await inngest.metadata.set({ words: 3 }, "text");
        return "a";
      });
      await step.run("b", () => inngest.metadata.run(runId).set({ stage: "late" }, "progress"));
      return "done";
    }),
  ];
}
