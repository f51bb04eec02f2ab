// The acts on one recovery point: hold it, release it, read it, boot a copy of it.
import { useRef, useState } from 'react';
import { api, cache, type Shapes } from '../api';
import { EditActs } from '../edits/edit-acts';
import { words } from '../words';
import { instant } from '../words/format';
import { Meanwhile, useMoved } from './about';
import { Dialog } from './dialog';
import { Text } from './fields';

type Props = { machine: { id: string; name: string }; point: Shapes['PointShape']; onClose: () => void };
const MOST = 200;
const of = ({ machine, point }: Props) => ({ path: { machine: machine.id, point: point.id } });

export function PointActs({ machine, point }: Omit<Props, 'onClose'>) {
  const { pointActs } = words.actions;
  const about = instant(point.taken_at);
  const hold = point.held == null
    ? { label: pointActs.hold, about, permission: 'operate' as const, show: (close: () => void) => <Hold machine={machine} point={point} onClose={close} /> }
    : { label: pointActs.release, about, permission: 'protect' as const, show: (close: () => void) => <Release machine={machine} point={point} onClose={close} /> };
  return (
    <EditActs isSmall isQuiet acts={[
      hold,
      { label: pointActs.verify, about, permission: 'operate', show: (close) => <Prove verb="verify" machine={machine} point={point} onClose={close} /> },
      { label: pointActs.boot, about, permission: 'operate', show: (close) => <Prove verb="boot" machine={machine} point={point} onClose={close} /> },
    ]} />
  );
}

const titleOf = (act: string, { machine, point }: Props) => words.actions.title(act, `${machine.name}, ${instant(point.taken_at)}`);

function Hold(props: Props) {
  const [reason, setReason] = useState('');
  const { pointActs } = words.actions;
  const wrong = !reason.trim() ? pointActs.needReason : reason.length > MOST && words.edits.wrong.long(MOST);
  const send = async () => {
    await api.PUT('/api/machines/{machine}/points/{point}/hold', { params: of(props), body: { reason: reason.trim() } });
    void cache.invalidateQueries();
  };
  return (
    <Dialog title={titleOf(pointActs.hold, props)} act={pointActs.hold} verb="hold_point" steps={pointActs.willHold} isSound={!wrong} request={reason} send={send} onClose={props.onClose}>
      {(tried) => <Text title={pointActs.reason} value={reason} onChange={setReason} wrong={tried && wrong} />}
    </Dialog>
  );
}

function Release(props: Props) {
  const { pointActs } = words.actions;
  const now = props.point.held ?? '';
  const was = useRef(now).current;
  const send = async () => {
    await api.DELETE('/api/machines/{machine}/points/{point}/hold', { params: { ...of(props), query: { reason: was } } });
    void cache.invalidateQueries();
  };
  const meanwhile = useMoved(now) && <Meanwhile act={pointActs.release} was={was} now={now || pointActs.free}>{words.actions.anew}</Meanwhile>;
  return <Dialog title={titleOf(pointActs.release, props)} act={pointActs.release} verb="release_point" steps={pointActs.willRelease(was)} meanwhile={meanwhile} request={was} send={send} onClose={props.onClose} />;
}

function Prove({ verb, ...props }: Props & { verb: 'verify' | 'boot' }) {
  const { pointActs } = words.actions;
  const send = async (key: string) => {
    const { data } = await api.POST(`/api/machines/{machine}/points/{point}/${verb}`, { params: { ...of(props), header: { 'idempotency-key': key } } });
    return data!.job_id;
  };
  return <Dialog title={titleOf(pointActs[verb], props)} act={pointActs[verb]} verb={`${verb}_point`} steps={verb === 'verify' ? pointActs.willVerify : pointActs.willBoot} request={verb} send={send} onClose={props.onClose} />;
}
