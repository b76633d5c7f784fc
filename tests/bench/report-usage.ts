// Loaded into a server by `--import`: tells its CPU time to the process that started it.

process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send?.(user + system);
});

// A benchmark that was stopped leaves no server behind.
process.on("disconnect", () => process.exit());
