// How far a job is, as the server says it.

export function living(row) {
  const events = new EventSource(`/api/v1/jobs/${encodeURIComponent(row.dataset.job)}/events`);
  const bar = row.querySelector("progress");
  const state = row.querySelector(".state");
  const told = (event) => {
    const job = JSON.parse(event.data);
    if (bar && typeof job.progress === "number") bar.value = job.progress;
    if (state && job.status) state.textContent = job.status;
    if (["End", "Failed", "Error", "Canceled"].includes(job.status)) {
      events.close();
      location.reload();
    }
  };
  events.addEventListener("job", told);
  window.addEventListener("pagehide", () => events.close());
}
