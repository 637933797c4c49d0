// The functions of the flow-control app, as they are written in JSON, for both majors of the TypeScript SDK.

export const calls = [];

// Of functions whose calls are held: a promise, and what fulfils it.
const held = {};
export const releaseOf = (id) => {
  held[id] ??= {};
  held[id].promise ??= new Promise((resolve) => (held[id].release = resolve));
  return held[id];
};

const now = () => performance.timeOrigin + performance.now();
const after = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

export function functions(inngest, sdk, major, given) {
  const made = {};

  // What it returns are the numbers of the events.
  const work = async (name, step, { events, runId, attempt }, until) => {
    const n = events.map((event) => event.data.n ?? null);
    const done = { function: name, step, run: runId, attempt, n, begun: now(), ended: null };
    calls.push(done);
    await until;
    done.ended = now();
    return n;
  };

  const act = async (id, context, [kind, name, more]) => {
    const { step, event } = context;
    if (kind === "work") return await step.run(name, () => work(id, name, context, after(more)));
    if (kind === "parallel") {
      return await Promise.all([...name].map((each) => act(id, context, ["work", each, more])));
    }
    if (kind === "call") return await work(id, "", context, after(more));
    if (kind === "hold") return await work(id, "", context, releaseOf(id).promise);
    if (kind === "sleep") return await step.sleep(name, `${more}s`);
    if (kind === "invoke") return await step.invoke(name, { function: made[more], data: event.data });
    throw new sdk.NonRetriableError(name);
  };

  const define = ({ id, event, if: condition, options, body, onFailure }) => {
    const trigger = { event, ...(condition && { if: condition }) };
    const all = { id, retries: 0, ...options };
    if (onFailure) {
      all.onFailure = async (context) => void (await work(`${id}-failure`, context.error.message, context, null));
    }
    const handler = async (context) => {
      let found = null;
      for (const step of body) found = await act(id, context, step);
      return found;
    };
    // Version 3 takes the trigger as an argument of its own.
    return major === 3
      ? inngest.createFunction(all, trigger, handler)
      : inngest.createFunction({ ...all, triggers: [trigger] }, handler);
  };

  for (const one of given) made[one.id] = define(one);
  return Object.values(made);
}
