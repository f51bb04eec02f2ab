// Lists of named things, whole.
import { queries } from '.';

/** Lists of named things come in pages; of these kinds a page holds all that anybody has. */
export const MOST = 500;

export const everything = { params: { query: { limit: MOST } } } as const;
export const usePlans = () => queries.useQuery('get', '/api/plans', everything);
export const useSchedules = () => queries.useQuery('get', '/api/drills/schedules', everything);
export const useGroups = () => queries.useQuery('get', '/api/groups', everything);
export const usePolicies = () => queries.useQuery('get', '/api/policies', everything);
export const useSites = () => queries.useQuery('get', '/api/sites', everything);
export const usePools = () => queries.useQuery('get', '/api/pools', everything);
export const useTargets = () => queries.useQuery('get', '/api/notices/targets', everything);
