// How far jobs are, as the server says it. One after the other is asked for: a stream of events for
// each would take the few connections that a browser has to a server, and leave none for its pages.

const EVERY_MS = 1000;

const asked = async (row) => {
  const answer = await fetch(`/api/v1/jobs/${encodeURIComponent(row.dataset.job)}`, {
    headers: { accept: "application/json" },
  });
  return answer.ok ? answer.json() : null;
};

const show = (row, job) => {
  const bar = row.querySelector("progress");
  const state = row.querySelector(".state");
  if (bar && typeof job.progress === "number") bar.value = job.progress;
  if (state && job.status) state.textContent = job.status;
};

export async function living(rows) {
  while (rows.length > 0) {
    await new Promise((resolve) => { setTimeout(resolve, EVERY_MS); });
    if (document.hidden) continue;
    for (const row of rows) {
      let job = null;
      try {
        job = await asked(row);
      } catch {
        // A server that is gone may be back in a moment.
      }
      if (!job) continue;
      show(row, job);
      if (["End", "Failed", "Error", "Canceled"].includes(job.status)) return void location.reload();
    }
  }
}
