// Leaves a plan's last failover to a person, although the plan is set to commit by itself.
import { api } from '../../api';
import { words } from '../../words';
import { Remove } from '../remove';

export default function KeepOpen({ name, onClose }: { name: string; onClose: () => void }) {
  const { plans } = words;
  const send = () => api.POST('/api/plans/{plan}/keep-open', { params: { path: { plan: name } } });
  return <Remove what={plans.keepsOf(name)} act={plans.keepOpen} verb="keep_plan_open" steps={plans.keepsSteps} send={send} onClose={onClose} />;
}
