// Two nodes of a cluster, a and b, seen through a; the device `there` is connected to b. Rule: what one node has is found
// through the other, and no call of a page that is for all nodes names one.
import { CONSOLE, launch, open, until } from './browser.mjs';

const faults = [];
const browser = await launch();
const page = await open(browser, { locale: 'en-US', viewport: { width: 1280, height: 900 } }, faults);
const asked = [];
page.on('request', (request) => asked.push(request.url()));
const goTo = async (hash) => {
  await page.evaluate((next) => (location.hash = next), hash);
  await page.getByRole('heading', { level: 1 }).waitFor();
};

// The card.
await page.goto(CONSOLE);
const card = page.getByRole('region', { name: 'Nodes', exact: true });
const row = (name) => card.getByRole('row').filter({ has: page.getByRole('rowheader', { name: new RegExp(`^${name}\\b`) }) });
const shows = (name, text) => row(name).getByText(text, { exact: true }).waitFor();
const stands = async (name, wanted) => {
  const cells = await row(name).getByRole('cell').allInnerTexts();
  // Stage, devices, sessions, version, uptime.
  const is = cells.slice(0, 3).map((cell) => cell.trim());
  if (is.join() !== wanted.join()) faults.push(`node ${name} shows ${is.join()} and not ${wanted.join()}`);
  if (!/^\d+\.\d+/.test(cells[3] ?? '') || !/\d/.test(cells[4] ?? '')) faults.push(`node ${name} shows ${cells.join()}`);
};
await shows('a', 'serving');
await shows('b', 'serving');
await stands('a', ['serving', '0', '0']);
await stands('b', ['serving', '1', '1']);
await shows('a', 'asked by this page');
if ((await row('b').getByText('asked by this page').count()) > 0) faults.push('this page asks both nodes');

// The device and its node.
await goTo('#/devices');
const device = page.getByRole('row').filter({ has: page.getByRole('link', { name: 'there', exact: true }) });
await device.getByText('Node: b').waitFor();
await page.getByRole('columnheader', { name: 'Device, Node' }).waitFor();
if ((await page.getByLabel('Node', { exact: true }).count()) > 0) faults.push('a node can be chosen for all devices');

// What is one node's own.
await goTo('#/logs');
const picker = page.getByLabel('Node', { exact: true });
const joined = (text) => page.locator('.log-view li').filter({ hasText: 'has joined its cluster' }).filter({ hasText: text });
await joined('node=a@').waitFor();
await picker.selectOption('b');
await joined('node=b@').waitFor();
if ((await joined('node=a@').count()) > 0) faults.push('the log of b has lines of a');
if (!asked.some((url) => /\/api\/v1\/logs\?(.*&)?node=b$/.test(url))) faults.push('the log of b was not asked for');
for (const [hash, call] of [['#/storage', 'storage'], ['#/configuration', 'config'], ['#/providers', 'providers'], ['#/metrics', 'history']]) {
  const [answer] = await Promise.all([page.waitForResponse((one) => one.url().endsWith(`/api/v1/${call}?node=b`)), goTo(hash)]);
  if (answer.status() !== 200) faults.push(`${call} of b is answered with ${answer.status()}`);
  if ((await picker.inputValue()) !== 'b') faults.push(`${hash} is not about b`);
}

// A node hands its sessions over.
asked.length = 0;
await goTo('#/');
await shows('b', 'serving');
const order = (name) => row(name).getByRole('button');
const handOver = async (name) => {
  await order(name).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Hand over', exact: true }).click();
};
if ((await order('b').innerText()) !== 'Hand over') faults.push('b cannot be handed over');
await handOver('b');
await shows('b', 'handed over');
await until(page, 'Node b has no session any more: it may be stopped.');
await stands('b', ['handed over', '0', '0']);
// What it is not ready for.
await card.getByText('its sessions are handed over to the others').first().waitFor();

// The last one is not handed over, and the server says why.
await handOver('a');
const dialog = page.getByRole('dialog');
await dialog.getByText('no other node of the cluster takes sessions').waitFor();
await dialog.getByRole('button', { name: 'Cancel' }).click();

// It takes devices again.
await order('b').getByText('Take devices again', { exact: true }).click();
await shows('b', 'serving');
await until(page, 'Node b takes devices.');
if (asked.some((url) => url.includes('node=b'))) faults.push('the overview is about b alone');
await browser.close();
// A browser writes each refusal into its console.
const others = faults.filter((fault) => !fault.includes('status of 409'));
console.log(JSON.stringify({ faults: others }));
