// The frame of all pages: header, navigation, and the banner that says when the vault is not heard.
import {
  Banner, Button, Content, Label, Masthead, MastheadBrand, MastheadContent, MastheadMain, MastheadToggle, Nav, NavGroup,
  NavItem, Page as Frame, PageSidebar, PageSidebarBody, PageToggleButton, SkipToContent, Toolbar, ToolbarContent, ToolbarGroup,
  ToolbarItem,
} from '@patternfly/react-core';
import BarsIcon from '@patternfly/react-icons/dist/esm/icons/bars-icon';
import HelpIcon from '@patternfly/react-icons/dist/esm/icons/help-icon';
import MoonIcon from '@patternfly/react-icons/dist/esm/icons/moon-icon';
import SignOutAltIcon from '@patternfly/react-icons/dist/esm/icons/sign-out-alt-icon';
import SunIcon from '@patternfly/react-icons/dist/esm/icons/sun-icon';
import { useState, type MouseEvent, type ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { logOut, type Who } from './api/session';
import type { Page, Section } from './pages';
import { useUnheard } from './parts/heard';
import { useTheme } from './theme';
import { words } from './words';

const CONTENT = 'content';
const NARROW = matchMedia('(max-width: 1200px)');

export function Shell({ who, pages, children }: { who: Who; pages: readonly Page[]; children: ReactNode }) {
  const [isOpen, setOpen] = useState(!NARROW.matches);
  const close = () => NARROW.matches && setOpen(false);
  return (
    <Frame
      masthead={<Header who={who} turn={() => setOpen(!isOpen)} isOpen={isOpen} />}
      sidebar={<PageSidebar isSidebarOpen={isOpen}><PageSidebarBody><Pages pages={pages} after={close} /></PageSidebarBody></PageSidebar>}
      skipToContent={<SkipToContent href={`#${CONTENT}`} onClick={skip}>{words.link.skip}</SkipToContent>}
      mainContainerId={CONTENT}
      mainTabIndex={0}
      banner={<Heard />}
    >
      {children}
    </Frame>
  );
}

function skip(event: MouseEvent) {
  event.preventDefault();
  document.getElementById(CONTENT)?.focus();
}

function Header({ who, turn, isOpen }: { who: Who; turn: () => void; isOpen: boolean }) {
  const [dark, turnTheme] = useTheme();
  const theme = dark ? words.shell.toLight : words.shell.toDark;
  return (
    <Masthead>
      <MastheadMain>
        <MastheadToggle>
          <PageToggleButton aria-label={words.shell.menu} isSidebarOpen={isOpen} onSidebarToggle={turn} id="menu"><BarsIcon /></PageToggleButton>
        </MastheadToggle>
        <MastheadBrand><a className="brand" href="/console/">{words.product}</a></MastheadBrand>
      </MastheadMain>
      <MastheadContent>
        <Toolbar isStatic>
          <ToolbarContent>
            <ToolbarGroup align={{ default: 'alignEnd' }} variant="action-group-plain">
              <ToolbarItem alignSelf="center"><Content component="p" className="who"><Link href="/account">{who.name}</Link></Content></ToolbarItem>
              {who.site && <ToolbarItem alignSelf="center"><Label isCompact>{words.shell.scope(who.site)}</Label></ToolbarItem>}
              <ToolbarItem>
                <Button
                  variant="plain" component="a" href="/manual/" target="_blank" rel="noopener"
                  aria-label={words.shell.manual} title={words.shell.manual} icon={<HelpIcon />}
                />
              </ToolbarItem>
              <ToolbarItem><Button variant="plain" aria-label={theme} title={theme} icon={dark ? <SunIcon /> : <MoonIcon />} onClick={turnTheme} /></ToolbarItem>
              <ToolbarItem>
                <Button variant="plain" aria-label={words.shell.logout} title={words.shell.logout} icon={<SignOutAltIcon />} onClick={() => void logOut()} />
              </ToolbarItem>
            </ToolbarGroup>
          </ToolbarContent>
        </Toolbar>
      </MastheadContent>
    </Masthead>
  );
}

function Pages({ pages, after }: { pages: readonly Page[]; after: () => void }) {
  const [at, go] = useLocation();
  const named = pages.filter((each) => !each.inside);
  const sections = [...new Set(named.map((each) => each.section))];
  const here = (path: string) => (path === '/' ? at === '/' : at === path || at.startsWith(`${path}/`));
  const item = ({ name, path }: Page) => (
    <NavItem
      key={path}
      to={`/console${path}`}
      isActive={here(path)}
      onClick={(event) => {
        event.preventDefault();
        go(path);
        after();
      }}
    >
      {words.pages[name]}
    </NavItem>
  );
  return (
    <Nav aria-label={words.shell.navigation}>
      {sections.map((section: Section) => (
        <NavGroup key={section} title={words.sections[section]}>{named.filter((each) => each.section === section).map(item)}</NavGroup>
      ))}
    </Nav>
  );
}

function Heard() {
  const unheard = useUnheard();
  if (!unheard) return <div role="status" />;
  return (
    <Banner color="yellow" screenReaderText="">
      <span role="status">{unheard}</span>
    </Banner>
  );
}
