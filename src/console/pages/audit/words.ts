import { dictionary } from '../../words/dictionary.ts'

export const auditWords = dictionary(
  {
    about: 'Audit log',
    whole: 'The log is whole: nothing in it was changed or left out.',
    notWhole: (seq: string) => `Entry ${seq} does not fit: somebody has changed the log.`,
    headline: 'What was done, by whom and from where.',
    lead: (count: string) => `${count} entries, each bound to the one before it.`,
    when: 'When',
    who: 'Who',
    what: 'What',
    where: 'From',
    details: 'Details',
    none: 'Nothing was done yet that you may see.',
    byServer: 'the server',
  },
  {
    about: 'Protokoll',
    whole: 'Das Protokoll ist heil: Nichts darin wurde geändert oder ausgelassen.',
    notWhole: (seq) => `Eintrag ${seq} passt nicht: Jemand hat das Protokoll geändert.`,
    headline: 'Was getan wurde, von wem und von wo.',
    lead: (count) => `${count} Einträge, jeder an den vorigen gebunden.`,
    when: 'Wann',
    who: 'Wer',
    what: 'Was',
    where: 'Von wo',
    details: 'Einzelheiten',
    none: 'Noch wurde nichts getan, was Sie sehen dürfen.',
    byServer: 'der Server',
  },
)
