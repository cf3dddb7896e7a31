// Benchmark: ten thousand devices on the page of devices, scrolled through. Prints script, style and layout of a step in
// ms, as Chromium counts them. Not a test: figures depend on the machine. The list is made up here, since the page is
// measured and not the server:
//   CONSOLE=http://localhost:8003/ node tests/console/bench-devices.mjs
import { CONSOLE, launch, open } from './browser.mjs';

const DEVICES = 10_000;
const STEPS = 300;
const faults = [];
const browser = await launch();
const page = await open(browser, { locale: 'en-US', viewport: { width: 1440, height: 900 } }, faults);
const hex = (number) => number.toString(16).padStart(2, '0');
const sessions = Array.from({ length: DEVICES }, (_, at) => ({
  device: `02:00:00:${hex(at >> 16)}:${hex((at >> 8) & 255)}:${hex(at & 255)}`,
  connected: at % 3 !== 0,
  mode: at % 5 === 0 ? 'mine' : null,
  live_instances: at % 4,
}));
await page.route('**/api/v1/sessions', (route) => route.fulfill({ json: sessions }));
await page.goto(`${CONSOLE}#/devices`);
await page.locator('.virtual-row').nth(5).waitFor();
const debug = await page.context().newCDPSession(page);
await debug.send('Performance.enable');
const spent = async () => {
  const { metrics } = await debug.send('Performance.getMetrics');
  const of = (name) => metrics.find((metric) => metric.name === name)?.value ?? 0;
  return (of('ScriptDuration') + of('LayoutDuration') + of('RecalcStyleDuration')) * 1000;
};
const view = page.locator('.virtual-view');
const costs = [];
for (let step = 0; step < STEPS; step += 1) {
  const before = await spent();
  await view.evaluate(
    (element, by) =>
      new Promise((resolve) => {
        element.scrollTop += by;
        requestAnimationFrame(() => requestAnimationFrame(resolve));
      }),
    step % 10 === 9 ? 5_000 : 240,
  );
  costs.push((await spent()) - before);
}
await browser.close();
costs.sort((one, other) => one - other);
const at = (share) => Number(costs[Math.min(costs.length - 1, Math.floor(costs.length * share))].toFixed(2));
// Each step is two frames, and the calls of this script are in it.
console.log(JSON.stringify({ devices: DEVICES, steps: STEPS, p50_ms: at(0.5), p99_ms: at(0.99), most_ms: at(1), faults }));
