// A page of the console in Chromium, with everything that goes wrong in it. Rule: an error in the console of the
// browser, a request that fails and anything that the page's own policy refuses is a fault, whatever the page shows.
import { chromium } from 'playwright-core';

/** The address of the console. */
export const CONSOLE = process.env.CONSOLE;

/** Starts the browser; without further arguments its microphone hears beeps. */
export function launch(more = []) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    // Containers run it as root, and give it little shared memory.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', ...more],
  });
}

/** A page with these settings of its reader; `faults` collects what goes wrong in it. */
export async function open(browser, settings, faults, name = 'page') {
  const context = await browser.newContext({ permissions: ['microphone'], ...settings });
  const page = await context.newPage();
  // A busy machine is no fault of the page.
  page.setDefaultTimeout(60_000);
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(`${name}: ${message.text()}`);
  });
  page.on('pageerror', (error) => faults.push(`${name}: ${error.message}`));
  page.on('requestfailed', (request) => {
    // What the page itself breaks off: streams, when it goes elsewhere.
    if (request.failure()?.errorText !== 'net::ERR_ABORTED') faults.push(`${name}: ${request.url()} failed`);
  });
  page.on('request', (request) => {
    const isOurs = request.url().startsWith(CONSOLE) || /^(data|blob):/.test(request.url());
    if (!isOurs) faults.push(`${name}: asks ${request.url()}`);
  });
  return page;
}

/** Waits until the page shows this text; says what it shows instead. */
export async function until(page, text) {
  try {
    await page.getByText(text, { exact: false }).first().waitFor();
  } catch {
    throw new Error(`the page does not show "${text}", but:\n${await page.locator('main').innerText()}`);
  }
}
