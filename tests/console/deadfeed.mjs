// The event feed is dead, then well again. Rule: the page says so, goes on showing what it can ask for, and comes
// back by itself.
import { CONSOLE, launch, open, until } from './browser.mjs';

const faults = [];
const browser = await launch();
const page = await open(browser, { locale: 'en-US', viewport: { width: 1280, height: 900 } }, faults);
let refused = 0;
await page.route('**/api/v1/feed', (route) => {
  refused += 1;
  return route.abort('connectionrefused');
});
await page.goto(CONSOLE);
await page.locator('[data-link="lost"]').waitFor();
// What is asked for is there all the same, and other pages are.
await page.getByText('Devices connected').waitFor();
await page.getByRole('link', { name: 'Plugins' }).first().click();
await until(page, 'workflow');
const whileDead = refused;
await page.unroute('**/api/v1/feed');
await page.locator('[data-link="live"]').waitFor();
await browser.close();
// The browser notes each refusal, which is this scene's own.
const others = faults.filter((fault) => !/ERR_CONNECTION_REFUSED|api\/v1\/feed failed/.test(fault));
console.log(JSON.stringify({ whileDead, faults: others }));
