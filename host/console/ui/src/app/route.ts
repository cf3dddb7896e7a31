// Addresses of pages, as the part behind `#`. Rule: pure; every address that this makes it also reads, and one that it
// cannot read is a page that says so.
export type Route =
  | { page: 'overview' }
  | { page: 'devices' }
  | { page: 'device'; id: string }
  | { page: 'simulator' }
  | { page: 'plugins' }
  | { page: 'plugin'; id: string }
  | { page: 'configuration'; search: string }
  | { page: 'storage' }
  | { page: 'missing'; hash: string };

/** The route of a hash, with or without its `#`. */
export function parseRoute(hash: string): Route {
  const missing: Route = { page: 'missing', hash };
  const parts: string[] = [];
  for (const part of hash.replace(/^#/, '').split('/')) {
    if (part === '') continue;
    try {
      parts.push(decodeURIComponent(part));
    } catch {
      return missing;
    }
  }
  const [page, id, ...rest] = parts;
  if (rest.length > 0) return missing;
  if (page === undefined) return { page: 'overview' };
  if (page === 'devices') return id === undefined ? { page } : { page: 'device', id };
  if (page === 'plugins') return id === undefined ? { page } : { page: 'plugin', id };
  if (page === 'configuration') return { page, search: id ?? '' };
  if ((page === 'simulator' || page === 'storage') && id === undefined) return { page };
  return missing;
}

/** The address of a route, with `#`. */
export function hrefOf(route: Route): string {
  switch (route.page) {
    case 'overview':
      return '#/';
    case 'device':
      return `#/devices/${encodeURIComponent(route.id)}`;
    case 'plugin':
      return `#/plugins/${encodeURIComponent(route.id)}`;
    case 'configuration':
      return route.search ? `#/configuration/${encodeURIComponent(route.search)}` : '#/configuration';
    case 'missing':
      return route.hash;
    default:
      return `#/${route.page}`;
  }
}
