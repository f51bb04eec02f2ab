// What a network becomes at another site.
import { useState } from 'react';
import { api, queries, type Shapes } from '../../api';
import { Choice } from '../../actions/fields';
import { Asking } from '../../parts/state';
import { words } from '../../words';
import { Edit } from '../edit';
import { seen, useEdition } from '../edition';
import { plainOptions } from '../form';

type Mapping = Shapes['NetworkMapping'];
type Props = { site: string; network: string; onClose: () => void };

/** All mappings between two sites are one edition. */
export function EditMapping({ site, network, onClose }: Props) {
  const sites = queries.useQuery('get', '/api/networks').data ?? [];
  const others = sites.filter((each) => each.site !== site);
  const [chosen, setTarget] = useState('');
  const target = chosen || others[0]?.site || '';
  return <One key={target} site={site} network={network} target={target} others={others} setTarget={setTarget} onClose={onClose} />;
}

function One({ site, network, target, others, setTarget, onClose }: Props & { target: string; others: readonly Shapes['SiteNetworks'][]; setTarget: (to: string) => void }) {
  const { mapping } = words.edits;
  const found = useEdition<Mapping[]>('/api/networks/mappings', `${site} ${target}`, () => api.GET('/api/networks/mappings', { params: { query: { source_site: site, target_site: target } } }));
  const draftOf = (all: Mapping[] | undefined) => all?.find((each) => each.source_network === network)?.target_network ?? '';
  const send = (to: string, tag: string) => (to
    ? api.PUT('/api/networks/mappings', { params: seen(tag), body: { source_site: site, source_network: network, target_site: target, target_network: to } })
    : api.DELETE('/api/networks/mappings', { params: { query: { source_site: site, source_network: network, target_site: target }, ...seen(tag) } }));
  const there = others.find((each) => each.site === target)?.networks.map((each) => each.name) ?? [];
  const options = (present: string) => [['', mapping.nothing] as const, ...plainOptions([...new Set([...there, present].filter(Boolean))])];
  return (
    <Asking of={found}>
      {(edition) => (
        <Edit<Mapping[], string>
          title={mapping.title(network, site)} act={words.edits.save} verb="map_network" steps={mapping.steps} found={edition} again={found.refetch}
          draftOf={draftOf} lines={(draft) => [[mapping.becomes(target), draft || mapping.nothing]]} isSound={() => target !== ''} send={send} onClose={onClose}
        >
          {(draft, change) => (
            <>
              <Choice title={mapping.at} value={target} onChange={setTarget} options={plainOptions(others.map((each) => each.site))} />
              <Choice title={mapping.becomes(target)} value={draft} onChange={change} options={options(draft)} />
            </>
          )}
        </Edit>
      )}
    </Asking>
  );
}
