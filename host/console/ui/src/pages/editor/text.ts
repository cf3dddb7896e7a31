// The text of the file between the server and the page. Rule: pure; in the page a line ends with `\n`, the server gets the
// line ends that its file has, and a text that is the same as before is the same to the byte.

/** Whether a file ends its lines as Windows does. */
export function hasCarriageReturns(text: string): boolean {
  return text.includes('\r\n');
}

/** As the page has it. */
export function toPage(text: string): string {
  return text.replace(/\r\n?/g, '\n');
}

/** As the file has it. */
export function toServer(text: string, carriageReturns: boolean): string {
  return carriageReturns ? text.replaceAll('\n', '\r\n') : text;
}
