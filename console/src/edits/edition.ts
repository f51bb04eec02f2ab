// What is edited, with the edition that was seen of it. A change names that edition: if another person was faster, the
// vault refuses it.
import { useQuery } from '@tanstack/react-query';
import { cache } from '../api';

/** `tag`: what the vault gave as ETag. */
export type Edition<T> = { value: T; tag: string };
type Answer<T> = { data?: T; response: Response };

const ONCE = 'once';

/** All that pages show is read again, but not what was just deleted. */
export const readAll = () => cache.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== ONCE });

/** Reads it each time that an editor is opened, and again when the live stream names it as changed, unless `isOnce`: what
 * is about to be deleted cannot be read again. `path`: as in the description of the API; `of`: which one. */
export function useEdition<T>(path: string, of: string, read: () => Promise<Answer<T>>, isOnce = false) {
  const queryFn = async (): Promise<Edition<T>> => {
    const { data, response } = await read();
    return { value: data!, tag: response.headers.get('etag') ?? '' };
  };
  return useQuery({ queryKey: isOnce ? [ONCE, of] : ['get', path, of, 'edition'], queryFn, staleTime: 0, gcTime: 0 });
}

/** As the parameters of a call have it. */
export const seen = (tag: string) => (tag ? { header: { 'if-match': tag } } : {});
