// Says of one line of what lets somebody connect that it is so, or takes that back.
import { api, cache, type Shapes } from '../api';
import { EditActs } from '../edits/edit-acts';
import { words } from '../words';
import { Dialog } from './dialog';

type Line = Shapes['ConnectingLine'];
type Props = { machine: { id: string; name: string }; line: Line; isBack?: boolean; onClose: () => void };

export function LineActs({ machine, line }: { machine: Props['machine']; line: Line }) {
  const { connecting } = words.actions;
  const confirms = { label: connecting.confirm, about: line.line, permission: 'operate' as const, show: (close: () => void) => <Say machine={machine} line={line} onClose={close} /> };
  const back = { label: connecting.back, about: line.line, permission: 'operate' as const, show: (close: () => void) => <Say machine={machine} line={line} isBack onClose={close} /> };
  const isSeen = line.standing === 'seen' || line.standing === 'wrong';
  return <EditActs isSmall isQuiet acts={isSeen ? [] : line.by ? [confirms, back] : [confirms]} />;
}

function Say({ machine, line, isBack = false, onClose }: Props) {
  const { connecting, title } = words.actions;
  const act = isBack ? connecting.back : connecting.confirm;
  const send = async () => {
    const at = { params: { path: { machine: machine.id, line: line.line } } };
    await (isBack ? api.DELETE('/api/machines/{machine}/connecting/{line}', at) : api.PUT('/api/machines/{machine}/connecting/{line}', at));
    void cache.invalidateQueries();
  };
  const steps = isBack ? connecting.willBack(line.what) : connecting.will(line.what, line.do, Math.round(line.again_seconds / 86_400));
  return <Dialog title={title(act, `${machine.name}, ${line.line}`)} act={act} verb={isBack ? 'take_back_line' : 'confirm_line'} steps={steps} request={line.line} send={send} onClose={onClose} />;
}
