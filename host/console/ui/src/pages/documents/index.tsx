// Documents that devices and plugins share: their list, and one of them. Rule: they are only read here; what they mean
// is known to the plugins that write them.
import type { Route } from '../../app/route';
import { DocumentPageView } from './document';
import './documents.css';
import { DocumentList } from './list';

export function Page({ route }: { route: Route }) {
  const key = route.page === 'documents' ? route.key : '';
  return key === '' ? <DocumentList /> : <DocumentPageView id={key} />;
}
