// Push to talk, and talking over an answer in realtime listening. Chromium's microphone plays a recording again and again.
// Rule: the button is held as long as it takes to send what a person says in two seconds, counted in frames.
import { CONSOLE, launch, open, until } from './browser.mjs';

const FRAMES = 35;
const faults = [];
const browser = await launch([`--use-file-for-fake-audio-capture=${process.env.RECORDING}`]);
const page = await open(browser, { locale: 'en-US', viewport: { width: 1280, height: 900 } }, faults);
let sent = 0;
let waiting = () => {};
page.on('websocket', (socket) => {
  socket.on('framesent', ({ payload }) => {
    if (typeof payload !== 'string') sent += 1;
    waiting();
  });
});
const untilSent = (count) =>
  new Promise((resolve) => {
    waiting = () => sent >= count && resolve();
    waiting();
  });
const listen = (mode) => page.getByRole('radio', { name: mode }).check();
await page.goto(`${CONSOLE}#/simulator`);
await until(page, 'Connected');

await listen('Push to talk');
await until(page, 'Hold the button or the space bar');
const before = sent;
await page.getByRole('button', { name: 'Hold to talk' }).hover();
await page.mouse.down();
await untilSent(before + FRAMES);
await page.mouse.up();
await until(page, process.env.HEARD);
await until(page, process.env.ANSWERED);
const held = sent - before;
// All of it has been heard.
await page.getByText('Ready', { exact: true }).waitFor();

await listen('Realtime');
await page.getByRole('button', { name: 'Start listening' }).click();
// The recording goes on, over the answer. What the server has cut is known to the server: it pauses the answer as soon as
// somebody speaks, so that a device cannot tell the cut from an end.
const [{ device }] = await (await fetch(`${CONSOLE}api/v1/sessions`)).json();
let outcomes = [];
for (let tries = 0; tries < 120 && !outcomes.includes('interrupted'); tries += 1) {
  await page.waitForResponse((response) => response.url().includes('/api/'), { timeout: 500 }).catch(() => {});
  const { turns } = await (await fetch(`${CONSOLE}api/v1/sessions/${encodeURIComponent(device)}`)).json();
  outcomes = turns.slice(1).map(({ outcome }) => outcome);
}
await page.getByRole('button', { name: 'Stop listening' }).click();
await browser.close();
console.log(JSON.stringify({ held, outcomes, faults }));
