import { dictionary } from './dictionary.ts'

/** What several pages say. */
export const commonWords = dictionary(
  {
    asOf: (when: string) => `as of ${when}`,
    loading: 'One moment…',
    tryAgain: 'Try again',
    cancel: 'Cancel',
    close: 'Close',
    copy: 'Copy',
    copied: 'Copied',
    never: 'never',
    notKnownYet: 'not known yet',
    details: 'Details',
    filter: 'Filter',
    shown: (shown: string, all: string) => `${shown} of ${all}`,
    nothingFits: 'Nothing fits the filter.',
    sortBy: (column: string) => `Sort by ${column}`,
  },
  {
    asOf: (when) => `Stand ${when}`,
    loading: 'Einen Moment…',
    tryAgain: 'Noch einmal',
    cancel: 'Abbrechen',
    close: 'Schließen',
    copy: 'Kopieren',
    copied: 'Kopiert',
    never: 'nie',
    notKnownYet: 'noch nicht bekannt',
    details: 'Einzelheiten',
    filter: 'Filtern',
    shown: (shown, all) => `${shown} von ${all}`,
    nothingFits: 'Nichts passt zum Filter.',
    sortBy: (column) => `Nach ${column} sortieren`,
  },
)
