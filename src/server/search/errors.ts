import { errorClass } from '#base'

/** What can go wrong with search. An index is only a copy of what the repository says: every one of these is mended by making it anew. */
export const searchErrors = {
  SEARCH_KEY_INVALID: {
    message: 'The key of the search index has {bytes} bytes and must have 32.',
    hint: 'Give 32 random bytes, kept where the other secrets of the server are.',
  },
  SEARCH_INDEX_MISSING: {
    message: 'The repository {repository} has no search index yet.',
    hint: 'It is made by the next update; until then nothing in this repository is found.',
  },
  SEARCH_INDEX_DAMAGED: {
    message: 'The search index of the repository {repository} is damaged: {reason}.',
    hint: 'The next update makes it anew from the repository; look at the disk that it lies on.',
  },
  SEARCH_INDEX_ROLLED_BACK: {
    message:
      'The search index of the repository {repository} is of state {found}, and state {expected} was reached before.',
    hint: 'Somebody has put an older copy in its place. The next update makes it anew from the repository.',
  },
  SEARCH_INDEX_VERSION: {
    message:
      'The search index of the repository {repository} is of format {version}, which this version does not read.',
    hint: 'The next update makes it anew from the repository.',
  },
  SEARCH_INDEX_TOO_LARGE: {
    message:
      'The repository {repository} has more than {limit} versions of files, or names too long, for a search index.',
    hint: 'Forget snapshots that are not needed, or look for files with `understudy find`.',
  },
  SEARCH_INDEX_NOT_WRITTEN: {
    message: 'The search index in {folder} could not be written: {reason}.',
    hint: 'The index is as it was. Make room on its disk or mend its rights, and update it again.',
  },
  SEARCH_UNSTEADY: {
    message: 'Snapshots of the repository {repository} were removed again and again while they were read.',
    hint: 'The index is as it was. Update it again when forget and prune are done.',
    exitCode: 11,
  },
  SEARCH_QUERY_INVALID: {
    message: 'This cannot be searched for: {reason}.',
    hint: 'See the description of the query in the API.',
  },
  SEARCH_CURSOR_INVALID: {
    message: 'The cursor does not belong to this query.',
    hint: 'Ask for the first page, and take the cursor from its answer with the same query.',
  },
} as const

export class SearchError extends errorClass('SearchError', searchErrors) {}
