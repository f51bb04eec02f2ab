// What lets somebody connect to the machine after a failover: seen, confirmed, or open.
import { queries, type Shapes } from '../../api';
import { LineActs } from '../../actions/connecting';
import { Rows } from '../../parts/facts';
import { Asking } from '../../parts/state';
import { words } from '../../words';
import { ago } from '../../words/format';
import type { Machine } from '.';

export function Connecting({ machine }: { machine: Machine }) {
  const found = queries.useQuery('get', '/api/machines/{machine}/connecting', { params: { path: { machine: machine.id } } });
  return <Asking of={found}>{(told) => <Lines machine={machine} of={told} />}</Asking>;
}

function Lines({ machine, of: told }: { machine: Machine; of: Shapes['Connecting'] }) {
  const { connecting: say } = words.machine;
  const isSo = ({ standing, by, at }: Shapes['ConnectingLine']) => say.standings[standing](by ?? say.agent, at ? ago(at) : '');
  return (
    <>
      <p>{say.where(told.site, told.system)}</p>
      <Rows
        name={say.title}
        rows={told.lines}
        idOf={(each) => each.line}
        columns={[
          { title: say.line, cell: (each) => each.line },
          { title: say.what, cell: (each) => each.what },
          { title: say.isSo, cell: isSo },
          { title: say.acts, cell: (each) => <LineActs machine={machine} line={each} /> },
        ]}
      />
    </>
  );
}
