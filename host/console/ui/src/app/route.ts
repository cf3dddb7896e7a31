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
  | { page: 'archive'; kind: string; id: string }
  | { page: 'documents'; key: string }
  | { page: 'providers' }
  | { page: 'logs' }
  | { page: 'metrics' }
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
  const [page, id, part, ...rest] = parts;
  if (page === 'archive' && rest.length === 0) return { page, kind: id ?? '', id: part ?? '' };
  if (part !== undefined) return missing;
  if (page === undefined) return { page: 'overview' };
  if (page === 'devices') return id === undefined ? { page } : { page: 'device', id };
  if (page === 'plugins') return id === undefined ? { page } : { page: 'plugin', id };
  if (page === 'configuration') return { page, search: id ?? '' };
  if (page === 'documents') return { page, key: id ?? '' };
  if (isPlain(page) && id === undefined) return { page };
  return missing;
}

type Plain = 'simulator' | 'storage' | 'providers' | 'logs' | 'metrics';
const PLAIN: readonly string[] = ['simulator', 'storage', 'providers', 'logs', 'metrics'] satisfies Plain[];

/** Pages whose address is their name alone. */
function isPlain(page: string): page is Plain {
  return PLAIN.includes(page);
}

function escaped(part: string, at: number): string {
  return at === 0 ? part : encodeURIComponent(part);
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
    case 'archive':
      return ['#/archive', route.kind, route.id].filter((part) => part !== '').map(escaped).join('/');
    case 'documents':
      return route.key ? `#/documents/${encodeURIComponent(route.key)}` : '#/documents';
    case 'missing':
      return route.hash;
    default:
      return `#/${route.page}`;
  }
}
