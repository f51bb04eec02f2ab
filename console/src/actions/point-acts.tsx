// The acts on one recovery point: hold it, release it, read it, boot a copy of it, make a machine of its own from it.
import { useRef, useState } from 'react';
import { api, cache, type Shapes } from '../api';
import { EditActs } from '../edits/edit-acts';
import { words } from '../words';
import { instant } from '../words/format';
import { Meanwhile, useMoved } from './about';
import { Dialog } from './dialog';
import { Text, Tick } from './fields';

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
      { label: pointActs.restore, about, permission: 'operate', show: (close) => <Restore machine={machine} point={point} onClose={close} /> },
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

type Copy = { name: string; folder: string; network: string; start: boolean; unencrypted: boolean };

function Restore(props: Props) {
  const [copy, setCopy] = useState<Copy>({ name: '', folder: '', network: '', start: false, unencrypted: false });
  const { pointActs } = words.actions;
  const name = copy.name.trim();
  const folder = copy.folder.trim();
  const wrongName = !name && words.edits.wrong.needed;
  const wrongFolder = !folder.startsWith('/') && pointActs.needFolder;
  const send = async (key: string) => {
    const body = { ...copy, name, folder, network: copy.network.trim() || null };
    const { data } = await api.POST('/api/machines/{machine}/points/{point}/restore', { params: { ...of(props), header: { 'idempotency-key': key } }, body });
    return data!.job_id;
  };
  return (
    <Dialog title={titleOf(pointActs.restore, props)} act={pointActs.restore} verb="restore_copy" steps={pointActs.willRestore} isSound={!wrongName && !wrongFolder} request={JSON.stringify(copy)} send={send} onClose={props.onClose}>
      {(tried) => (
        <>
          <Text title={pointActs.copyName} value={copy.name} onChange={(to) => setCopy({ ...copy, name: to })} wrong={tried && wrongName} />
          <Text title={pointActs.folder} value={copy.folder} onChange={(to) => setCopy({ ...copy, folder: to })} help={pointActs.folderHelp} wrong={tried && wrongFolder} />
          <Text title={pointActs.network} value={copy.network} onChange={(to) => setCopy({ ...copy, network: to })} help={pointActs.networkHelp} />
          <Tick title={pointActs.start} help={pointActs.startHelp} value={copy.start} onChange={(start) => setCopy({ ...copy, start })} />
          <Tick title={pointActs.unencrypted} help={pointActs.unencryptedHelp} value={copy.unencrypted} onChange={(unencrypted) => setCopy({ ...copy, unencrypted })} />
        </>
      )}
    </Dialog>
  );
}
