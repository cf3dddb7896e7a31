// The frame of the console: navigation, state of the connection, theme, language, and the page of the address. Rule:
// landmarks and a skip link on every page; after a change of page its heading has the focus.
import { useComputed, useSignalEffect } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { access } from '../api/client';
import { link, startFeed, swaps } from '../api/feed';
import { choose, language, words } from '../words';
import { count } from '../words/format';
import { Brand } from './brand';
import { isOfOneNode } from './node';
import { NodePicker } from './node-picker';
import { Page } from './pages';
import { hrefOf, type Route } from './route';
import { route } from './router';
import { Refused, SignIn } from './sign-in';
import { THEMES, theme, type Theme } from './theme';

const GROUPS = [
  ['observe', ['overview', 'devices', 'archive', 'documents', 'metrics', 'logs']],
  ['operate', ['simulator', 'plugins', 'providers', 'configuration', 'storage']],
] as const;
type Listed = (typeof GROUPS)[number][1][number];

/** The route of an entry of the navigation. */
function routeOf(page: Listed): Route {
  if (page === 'configuration') return { page, search: '' };
  if (page === 'documents') return { page, key: '' };
  if (page === 'archive') return { page, kind: '', id: '' };
  return { page };
}

/** The entry of the navigation that a route belongs to. */
function listedOf(now: Route): Listed | null {
  if (now.page === 'device') return 'devices';
  if (now.page === 'plugin') return 'plugins';
  return now.page === 'missing' ? null : now.page;
}

function Navigation({ now }: { now: Route }) {
  const { app: w, groups } = words.value;
  const current = listedOf(now);
  return (
    <nav aria-label={w.navigation}>
      {GROUPS.map(([group, pages]) => (
        <div key={group}>
          <h2 id={`group-${group}`}>{groups[group]}</h2>
          <ul aria-labelledby={`group-${group}`}>
            {pages.map((page) => (
              <li key={page}>
                <a
                  href={hrefOf(routeOf(page))}
                  aria-current={current === page ? (now.page === page ? 'page' : 'true') : undefined}
                >
                  {w[page]}
                </a>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </nav>
  );
}

function Choices() {
  const w = words.value.app;
  return (
    <div class="choices">
      <div class="field">
        <label for="choice-language">{w.language}</label>
        <select
          id="choice-language"
          value={language.value}
          onChange={(event) => choose(event.currentTarget.value === 'zh' ? 'zh' : 'en')}
        >
          <option value="en" lang="en">
            English
          </option>
          <option value="zh" lang="zh-CN">
            中文
          </option>
        </select>
      </div>
      <div class="field">
        <label for="choice-theme">{w.theme}</label>
        <select
          id="choice-theme"
          value={theme.value}
          onChange={(event) => {
            theme.value = event.currentTarget.value as Theme;
          }}
        >
          {THEMES.map((one) => (
            <option key={one} value={one}>
              {w.themes[one]}
            </option>
          ))}
        </select>
      </div>
    </div>
  );
}

/** Says each swap once, for those who do not see it. */
function SwapAnnouncement() {
  const last = useComputed(() => swaps.value[0]);
  const said = last.value;
  return (
    <p class="visually-hidden" role="status">
      {said ? words.value.plugins.swappedTo(said.id, count(said.from), count(said.to)) : ''}
    </p>
  );
}

function titleOf(now: Route): string {
  const w = words.value.app;
  if (now.page === 'device' || now.page === 'plugin') return now.id;
  if (now.page === 'archive' && now.id !== '') return now.id;
  if (now.page === 'documents' && now.key !== '') return now.key;
  return now.page === 'missing' ? w.missingTitle : w[now.page];
}

function Frame() {
  const w = words.value.app;
  const now = route.value;
  const [open, setOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const first = useRef(true);
  const address = hrefOf(now);
  useEffect(startFeed, []);
  useEffect(() => {
    setOpen(false);
    if (first.current) {
      first.current = false;
      return;
    }
    scrollTo(0, 0);
    main.current?.querySelector('h1')?.focus({ preventScroll: true });
  }, [address]);
  useSignalEffect(() => {
    document.title = `${titleOf(route.value)} · modehost`;
  });
  return (
    <div class="shell">
      <header
        class="bar"
        onKeyDown={(event) => {
          if (event.key !== 'Escape' || !open) return;
          setOpen(false);
          button.current?.focus();
        }}
      >
        <a
          class="skip"
          href={address}
          onClick={(event) => {
            event.preventDefault();
            main.current?.focus();
          }}
        >
          {w.skip}
        </a>
        <a class="brand" href="#/">
          <Brand />
          modehost
        </a>
        <span class="link-state" data-link={link.value} role="status">
          {w.links[link.value]}
        </span>
        <button
          type="button"
          class="button quiet menu-button"
          ref={button}
          aria-expanded={open}
          aria-controls="menu"
          onClick={() => setOpen(!open)}
        >
          {w.menu}
        </button>
        <div class="menu" id="menu" hidden={!open}>
          <Navigation now={now} />
          <Choices />
        </div>
      </header>
      <main class="page" ref={main} tabIndex={-1}>
        {isOfOneNode(now) && <NodePicker />}
        <Page route={now} key={address} />
      </main>
      <SwapAnnouncement />
    </div>
  );
}

/** The console: the frame, or what must be answered before it. */
export function Shell() {
  const may = access.value;
  if (may.state === 'sign-in') return <SignIn wrong={may.wrong} />;
  if (may.state === 'refused') return <Refused sentence={may.sentence} />;
  return <Frame />;
}
