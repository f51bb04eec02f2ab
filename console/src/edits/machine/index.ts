// Editors of what is set for a machine, by name; each is loaded when it is opened.
import { lazy } from '../../parts/lazy';

export const Policy = lazy(() => import('./policy'));
export const Properties = lazy(() => import('./properties'));
export const Cards = lazy(() => import('./cards'));
export const Checks = lazy(() => import('./checks'));
export const Hooks = lazy(() => import('./hooks'));

export type Of = { machine: { id: string; name: string; target_site?: string | null | undefined }; onClose: () => void };
