// All pages: one lazy module each, so that the first page stays small. A new page is a line here, a module in this
// folder, and its words.
import type { ComponentType } from 'react';
import { lazy } from '../parts/lazy';
import type { Permission } from '../api/session';
import { words } from '../words';

export type Section = keyof typeof words.sections;
export type PageName = keyof typeof words.pages;
type Module = () => Promise<{ default: ComponentType }>;

/** A page of the navigation. `path` may end in `/:name`, which a page reads by `useParams`. */
export type Page = { name: PageName; section: Section; permission: Permission; path: string; inside?: string; show: ComponentType };

function page(name: PageName, section: Section, permission: Permission, load: Module, inside?: Module): Page[] {
  const path = name === 'overview' ? '/' : `/${name}`;
  const own: Page = { name, section, permission, path, show: lazy(load) };
  return inside ? [own, { ...own, path: `${path}/:id`, inside: name, show: lazy(inside) }] : [own];
}

export const pages: readonly Page[] = [
  ...page('overview', 'work', 'read', () => import('./overview')),
  ...page('machines', 'work', 'read', () => import('./machines'), () => import('./machine')),
  ...page('jobs', 'work', 'read', () => import('./jobs'), () => import('./jobs/job')),
  ...page('plans', 'work', 'read', () => import('./plans'), () => import('./plans/plan')),
  ...page('drills', 'work', 'read', () => import('./drills'), () => import('./drills/evidence')),
  ...page('groups', 'set', 'read', () => import('./groups')),
  ...page('policies', 'set', 'read', () => import('./policies')),
  ...page('networks', 'set', 'read', () => import('./networks')),
  ...page('sites', 'set', 'read', () => import('./sites')),
  ...page('notices', 'set', 'read', () => import('./notices')),
  ...page('account', 'vault', 'enter', () => import('./account/index')),
  ...page('logins', 'vault', 'enter', () => import('./logins')),
  ...page('access', 'vault', 'enter', () => import('./access')),
  ...page('providers', 'vault', 'manage_access', () => import('./providers')),
  ...page('audit', 'vault', 'read_audit', () => import('./audit')),
  ...page('settings', 'vault', 'read', () => import('./settings')),
];
