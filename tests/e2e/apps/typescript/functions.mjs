// The functions of the end-to-end app, for both majors of the TypeScript SDK.

export const marks = [];

export function functions(inngest, sdk, major) {
  const id = `ts${major}`;
  const { NonRetriableError, RetryAfterError } = sdk;
  const mark = (what, more) => marks.push({ what, ...more });
  // Version 3 takes the trigger as an argument of its own.
  const define = (options, trigger, handler) =>
    major === 3
      ? inngest.createFunction(options, trigger, handler)
      : inngest.createFunction({ ...options, triggers: [trigger] }, handler);
  const on = (name) => ({ event: `${id}/${name}` });

  const child = define({ id: "child", retries: 0 }, on("child"), async ({ event }) => {
    if (event.data.fail) throw new NonRetriableError("the child failed");
    return { doubled: event.data.n * 2 };
  });

  return [
    child,

    define({ id: "sequential", retries: 0 }, on("sequential"), async ({ step }) => {
      const part = async (text) => (mark("sequential", { part: text }), text);
      const a = await step.run("a", () => part("a"));
      const b = await step.run("b", () => part(a + "b"));
      return await step.run("c", () => part(b + "c"));
    }),

    define({ id: "parallel", retries: 0 }, on("parallel"), async ({ step }) => {
      const part = async (text) => (mark("parallel", { part: text }), text);
      return await Promise.all(["a", "b", "c"].map((text) => step.run(text, () => part(text))));
    }),

    define({ id: "adding", retries: 0 }, on("adding"), async ({ step }) => {
      const first = await step.run("first", () => (mark("adding", { part: "first" }), 1));
      const sum = await step.run("add", (a, b) => (mark("adding", { part: "add" }), a + b), first, 2);
      return await step.run("last", () => (mark("adding", { part: "last" }), { sum }));
    }),

    define({ id: "sleeping", retries: 0 }, on("sleeping"), async ({ step }) => {
      await step.sleep("nap", "1s");
      return "awake";
    }),

    define({ id: "waiting", retries: 0 }, on("waiting"), async ({ event, step }) => {
      const found = await step.waitForEvent("wait", {
        event: `${id}/go`,
        if: "event.data.key == async.data.key",
        timeout: `${event.data.timeout}s`,
      });
      return found === null ? null : found.data;
    }),

    define({ id: "signalled", retries: 0 }, on("signalled"), async ({ event, step }) => {
      const found = await step.waitForSignal("wait", { signal: event.data.signal, timeout: "1m" });
      return found === null ? null : found.data;
    }),

    define({ id: "invoking", retries: 0 }, on("invoking"), async ({ event, step }) => {
      try {
        return await step.invoke("call", { function: child, data: event.data });
      } catch (error) {
        return { error: error.message };
      }
    }),

    define({ id: "sending", retries: 0 }, on("sending"), async ({ step, runId }) => {
      return await step.sendEvent("send", { name: `${id}/sent`, data: { from: runId } });
    }),

    define({ id: "receiving", retries: 0 }, on("sent"), async ({ event }) => event.data.from),

    define({ id: "retrying", retries: 3 }, on("retrying"), async ({ step, attempt }) => {
      return await step.run("flaky", async () => {
        mark("retrying", { attempt });
        if (attempt < 2) throw new RetryAfterError("not yet", 1000);
        return `attempt ${attempt}`;
      });
    }),

    define({ id: "catching", retries: 0 }, on("catching"), async ({ step }) => {
      try {
        await step.run("broken", async () => {
          throw new Error("broken step");
        });
      } catch (error) {
        return `caught ${error.message}`;
      }
      return "not reached";
    }),

    define(
      {
        id: "failing",
        retries: 0,
        onFailure: async ({ event, error }) => {
          mark("on_failure", { error: error.message, run_id: event.data.run_id });
          return "handled";
        },
      },
      on("failing"),
      async () => {
        throw new Error("it is broken");
      },
    ),

    define(
      {
        id: "cancellable",
        retries: 0,
        cancelOn: [{ event: `${id}/cancel`, if: "event.data.key == async.data.key" }],
      },
      on("cancellable"),
      async ({ step }) => {
        await step.sleep("long", "1h");
        return "not reached";
      },
    ),

    define({ id: "racing", retries: 0 }, on("racing"), async ({ step }) => {
      return await Promise.race([
        step.run("quick", async () => "quick"),
        step.waitForEvent("never", { event: `${id}/never`, timeout: "2s" }),
      ]);
    }),

    define({ id: "ticking", retries: 0 }, { cron: "* * * * *" }, async ({ event }) => {
      mark("ticking", { at: event.id });
      return "tick";
    }),
  ];
}
