// Who came by a link, or is not logged in, sees the log-in; else the frame of all pages, and one of them. When a session
// ends the log-in comes above these: what somebody was about to send stays.
import { Suspense, useEffect, useLayoutEffect, useRef } from 'react';
import { Redirect, Route, Router, Switch } from 'wouter';
import { Refused } from './api';
import { may, useWho, type Who } from './api/session';
import { cameBack } from './entering';
import { follow } from './live';
import { pages, type Page } from './pages';
import { PageFrame } from './parts/frame';
import { Failure, Fence, Loading } from './parts/state';
import { Shell } from './shell';
import { useLink } from './link';
import { LogIn, LogInAgain, LogInByLink, LogInByProvider } from './login';
import { words } from './words';

export function App() {
  const who = useWho();
  const first = useRef<string>(undefined);
  first.current ??= who.data?.name;
  const link = useLink();
  if (link) return <LogInByLink key={link} link={link} />;
  if (cameBack) return <LogInByProvider cameBack={cameBack} />;
  const isOut = who.error instanceof Refused && who.error.status === 401;
  if (isOut && !who.data) return <LogIn />;
  if (who.data && who.data.name !== first.current) return <Anew />;
  if (who.data) return <><Router base="/console"><LoggedIn who={who.data} /></Router>{isOut && <LogInAgain />}</>;
  if (who.error) return <Failure problem={who.error} again={() => void who.refetch()} />;
  return <Loading />;
}

/** Another person logged in, here or in another tab: nothing that was read or begun here is theirs. */
function Anew() {
  useEffect(() => location.reload(), []);
  return <Loading />;
}

function LoggedIn({ who }: { who: Who }) {
  useLayoutEffect(follow, []); // before the effects of pages, which ask it for rows
  const mine = (each: Page) => may(who, each.permission);
  const seen = pages.filter(mine);
  return (
    <Shell who={who} pages={seen}>
      <Suspense fallback={<Loading />}>
        <Switch>
          {pages.map((each) => (
            <Route key={each.path} path={each.path}><Fence key={each.path}>{mine(each) ? <each.show /> : <NotMine of={each} />}</Fence></Route>
          ))}
          <Route path="/"><Redirect to={seen[0]?.path ?? '/none'} replace /></Route>
          <Route><PageFrame title={words.notFound.title}>{words.notFound.do}</PageFrame></Route>
        </Switch>
      </Suspense>
    </Shell>
  );
}

/** A page by its link, for a role that does not see it. */
function NotMine({ of: { name } }: { of: Page }) {
  return <PageFrame title={words.pages[name]}>{words.edits.mayNot(words.pages[name])}</PageFrame>;
}
