// Who may do what: requests that wait for a second person, and access tokens.
import { useInfiniteQuery } from '@tanstack/react-query';
import { Button, Label } from '@patternfly/react-core';
import { ApprovalActs } from '../actions/approvals';
import { api, queries, type Shapes } from '../api';
import { may, useWho } from '../api/session';
import { EditActs } from '../edits/edit-acts';
import { NewAct } from '../edits/named-acts';
import * as edit from '../edits/nouns';
import { Facts, Part, Rows } from '../parts/facts';
import { PageFrame, To, jobPath } from '../parts/frame';
import { Asking } from '../parts/state';
import { words } from '../words';
import { ago, instant, plain, span } from '../words/format';

const PAGE = 50;

export default function Access() {
  const who = useWho().data!;
  return (
    <PageFrame title={words.pages.access}>
      <div className="parts">
        <Part title={words.access.you}>
          <Facts of={[[words.access.name, who.name], [words.access.person, who.person], [words.access.roles, who.roles.map(plain).join(', ')], [words.access.site, who.site ?? words.access.all], [words.access.ends, who.ends_at && instant(who.ends_at)]]} />
        </Part>
        <Part title={words.access.approvals}>
          <EditActs isQuiet acts={[{ label: words.edits.who.settings, permission: 'manage_access', show: (close) => <edit.EditApprovals onClose={close} /> }]} />
          <Approvals />
        </Part>
        <Part title={words.access.sessions}><Sessions /></Part>
        {may(who, 'manage_access') && <Part title={words.access.people}><NewAct label={words.edits.who.newPerson} permission="manage_access" show={edit.NewPerson} /><People /></Part>}
        {may(who, 'manage_access') && <Part title={words.access.tokens}><NewAct label={words.edits.who.newToken} permission="manage_access" show={edit.NewToken} /><Tokens /></Part>}
      </div>
    </PageFrame>
  );
}

function Approvals() {
  const settings = queries.useQuery('get', '/api/approvals/settings');
  const found = useInfiniteQuery({
    queryKey: ['get', '/api/approvals', 'list'],
    initialPageParam: undefined as string | undefined,
    queryFn: async ({ pageParam: cursor }) => (await api.GET('/api/approvals', { params: { query: { limit: PAGE, cursor } } })).data!,
    getNextPageParam: (page) => page.next ?? undefined,
  });
  const { access } = words;
  return (
    <>
      <p>{settings.data && (settings.data.verbs.length ? access.needed(settings.data.verbs.map(plain).join(', '), span(settings.data.lasts_seconds)) : access.noneNeeded)}</p>
      <Asking of={found}>
        {({ pages }) => <Rows name={access.approvals} rows={pages.flatMap((each) => each.items)} idOf={(row) => String(row.number)} none={access.noApprovals} columns={[
          { title: access.number, cell: (row) => row.number },
          { title: access.verb, cell: (row) => <>{plain(row.verb)} <span className="small">{namesOf(row.asked.machines) || row.asked.path}</span></> },
          { title: access.who, cell: (row) => `${row.who}, ${ago(row.asked_at)}` },
          { title: access.stage, cell: (row) => <Label isCompact status={row.stage === 'asked' ? 'warning' : undefined} variant="outline">{row.stage}</Label> },
          { title: access.told, cell: (row) => <><Told of={row} /><ApprovalActs row={row} /></> },
        ]} />}
      </Asking>
      {found.hasNextPage && <Button variant="link" onClick={() => void found.fetchNextPage()}>{words.showMore}</Button>}
    </>
  );
}

const FEW = 5;

/** The machines that are asked about; the request itself shows all of them. */
function namesOf(machines: Shapes['ApprovalMachine'][]): string {
  const names = machines.slice(0, FEW).map((each) => each.name).join(', ');
  return machines.length > FEW ? words.access.more(names, machines.length - FEW) : names;
}

function Told({ of: row }: { of: Shapes['Approval'] }) {
  const said = row.why || row.tried || (row.ended_at ? instant(row.ended_at) : words.access.until(instant(row.expires_at)));
  return <>{row.by && `${row.by}: `}{said} {row.job_id && <To path={jobPath(row.job_id)}>{words.jobs.title}</To>}</>;
}

function Sessions() {
  const found = queries.useQuery('get', '/api/sessions');
  const { access } = words;
  return (
    <Asking of={found}>
      {(sessions) => <Rows name={access.sessions} rows={sessions} idOf={(row) => row.id} columns={[
        { title: access.name, cell: (row) => <>{row.name}{row.present && <> <Label isCompact>{access.present}</Label></>}</> },
        { title: access.way, cell: (row) => plain(row.way) },
        { title: access.began, cell: (row) => `${instant(row.began_at)}, ${row.address}` },
        { title: access.used, cell: (row) => ago(row.seen_at) },
        { title: access.ends, cell: (row) => instant(row.ends_at) },
        { title: access.program, cell: (row) => row.program || words.none },
        { title: words.edits.acts, cell: (row) => !row.present && <EditActs isSmall isQuiet acts={[{ label: words.edits.who.endSession, about: `${row.name}, ${instant(row.began_at)}`, permission: 'enter', show: (close) => <edit.EndSession session={row} onClose={close} /> }]} /> },
      ]} />}
    </Asking>
  );
}

function People() {
  const found = queries.useQuery('get', '/api/people');
  const { access } = words;
  return (
    <Asking of={found}>
      {(people) => <Rows name={access.people} rows={people} idOf={(row) => row.id} none={access.noPeople} columns={[
        { title: access.name, cell: (row) => <>{row.name}{row.disabled_at && <> <Label isCompact status="warning" variant="outline">{access.disabled}</Label></>}</> },
        { title: access.roles, cell: (row) => row.roles.map(plain).join(', ') },
        { title: access.site, cell: (row) => row.site ?? access.all },
        { title: access.factor, cell: (row) => (row.has_second_factor ? words.yes : words.no) },
        { title: access.entered, cell: (row) => (row.last_login_at ? `${ago(row.last_login_at)}, ${row.last_address}` : words.machines.never) },
        { title: words.edits.acts, cell: (row) => <PersonActs person={row} /> },
      ]} />}
    </Asking>
  );
}

function Tokens() {
  const found = queries.useQuery('get', '/api/tokens');
  const { access } = words;
  return (
    <Asking of={found}>
      {(tokens) => <Rows name={access.tokens} rows={tokens} idOf={(row) => row.id} columns={[
        { title: access.name, cell: (row) => <>{row.name}{row.person !== row.name && <div className="small">{row.person}</div>}</> },
        { title: access.roles, cell: (row) => row.roles.map(plain).join(', ') },
        { title: access.site, cell: (row) => row.site ?? access.all },
        { title: access.ends, cell: (row) => (row.expired ? access.expired : row.expires_at ? instant(row.expires_at) : words.machines.never) },
        { title: access.used, cell: (row) => ago(row.last_used_at) },
        { title: words.edits.acts, cell: (row) => <TokenActs name={row.name} /> },
      ]} />}
    </Asking>
  );
}

function PersonActs({ person }: { person: Shapes['Person'] }) {
  const { who, edit: change, remove } = words.edits;
  const act = (label: string, Shown: typeof edit.EditPerson, isDanger = false) => ({ label, about: person.name, permission: 'manage_access' as const, isDanger, show: (close: () => void) => <Shown person={person} onClose={close} /> });
  return (
    <EditActs isSmall isQuiet acts={[
      act(change, edit.EditPerson),
      person.disabled_at ? act(who.enable, edit.EnablePerson) : act(who.disable, edit.DisablePerson),
      act(who.resetPassword, edit.ResetPassword),
      ...(person.has_second_factor ? [act(who.resetFactor, edit.ResetFactor)] : []),
      act(remove.act, edit.RemovePerson, true),
    ]} />
  );
}

function TokenActs({ name }: { name: string }) {
  const { who } = words.edits;
  return (
    <EditActs isSmall isQuiet acts={[
      { label: who.rotate, about: name, permission: 'manage_access', show: (close) => <edit.RotateToken name={name} onClose={close} /> },
      { label: who.revoke, about: name, permission: 'manage_access', isDanger: true, show: (close) => <edit.RevokeToken name={name} onClose={close} /> },
    ]} />
  );
}
