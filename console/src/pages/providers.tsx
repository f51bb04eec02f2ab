// Providers of OpenID Connect: what their groups may do, and whether they answer.
import { Alert, Button } from '@patternfly/react-core';
import { useState } from 'react';
import { api, queries, type Shapes } from '../api';
import { NamedActs, NewAct } from '../edits/named-acts';
import * as edit from '../edits/nouns';
import { Facts, Part, Rows } from '../parts/facts';
import { PageFrame } from '../parts/frame';
import { Asking, told } from '../parts/state';
import { words } from '../words';
import { instant, plain } from '../words/format';

type Provider = Shapes['Provider'];

export default function Providers() {
  const found = queries.useQuery('get', '/api/log-in/providers');
  const { providers } = words;
  return (
    <PageFrame title={words.pages.providers} aside={<NewAct label={words.edits.provider.create} permission="manage_access" show={edit.NewProvider} />}>
      <Asking of={found}>
        {(all) => (all.length ? <div className="parts">{all.map((each) => <One key={each.name} of={each} />)}</div> : <p>{providers.none}</p>)}
      </Asking>
    </PageFrame>
  );
}

function One({ of: provider }: { of: Provider }) {
  const { providers } = words;
  return (
    <Part title={provider.name}>
      <Facts of={[
        [providers.issuer, provider.issuer], [providers.client, provider.client_id], [providers.callback, location.origin + provider.callback_path],
        [providers.scopes, provider.scopes?.join(' ')], [providers.groupsClaim, provider.groups_claim], [providers.nameClaim, provider.name_claim],
        [providers.changed, instant(provider.changed_at)],
      ]} />
      <Rows name={providers.groups} rows={provider.groups ?? []} idOf={(row) => row.group} none={providers.noGroups} columns={[
        { title: providers.group, cell: (row) => row.group },
        { title: words.access.roles, cell: (row) => row.roles.map(plain).join(', ') },
        { title: words.access.site, cell: (row) => row.site ?? words.access.all },
      ]} />
      <Test name={provider.name} />
      <NamedActs name={provider.name} permission="manage_access" edit={edit.EditProvider} remove={edit.RemoveProvider} />
    </Part>
  );
}

function Test({ name }: { name: string }) {
  const [tried, setTried] = useState<Shapes['ProviderTest']>();
  const [problem, setProblem] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const ask = async () => {
    setBusy(true);
    setProblem(undefined);
    await api.POST('/api/log-in/providers/{provider}/test', { params: { path: { provider: name } } }).then(({ data }) => setTried(data)).catch(setProblem);
    setBusy(false);
  };
  return (
    <>
      <Button variant="secondary" onClick={() => void ask()} isLoading={isBusy} isDisabled={isBusy}>{words.providers.test}</Button>
      {problem !== undefined && <Alert variant="danger" isInline isLiveRegion title={told(problem).says}>{told(problem).next}</Alert>}
      {tried && <Alert variant={tried.works ? 'success' : 'danger'} isInline isLiveRegion title={tried.works ? words.providers.works : words.providers.fails}>{tried.said}</Alert>}
    </>
  );
}
