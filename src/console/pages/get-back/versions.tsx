import { Button } from '@mantine/core'
import { useState } from 'react'
import type { FoundFile, FoundVersion } from '#protocol'
import { listMachines, readMe } from '../../api/calls.ts'
import { may } from '../../api/person.ts'
import { useAnswer } from '../../api/queries.ts'
import { DataTable } from '../../parts/data-table.tsx'
import type { TableColumn } from '../../parts/data-table.tsx'
import { Moment, Size } from '../../parts/figures.tsx'
import { useWords } from '../../words/locale.ts'
import styles from './get-back.module.css'
import { PreviewOf } from './preview.tsx'
import { getBackWords } from './words.ts'

interface VersionsProps {
  readonly file: FoundFile
  readonly onTake: (version: FoundVersion) => void
  readonly onBack: () => void
}

/** The versions of a file by their dates, newest first; each can be looked at before it is taken. */
export function Versions({ file, onTake, onBack }: VersionsProps) {
  const words = useWords(getBackWords)
  const { data: me } = useAnswer(readMe, {})
  const { data: machines = [] } = useAnswer(listMachines, {})
  const [looked, setLooked] = useState<FoundVersion>()
  const clientId = machines.find(({ id }) => id === file.machine)?.clientId
  const mayRead = me !== undefined && may(me, 'read', clientId)
  const columns: readonly TableColumn<FoundVersion>[] = [
    { id: 'modified', title: words.changedAt, cell: ({ modified, first }) => <Moment at={modified ?? first.time} /> },
    {
      id: 'size',
      title: words.size,
      isNumber: true,
      cell: ({ type, size }) => (type === 'file' ? <Size bytes={size} /> : ''),
    },
    { id: 'from', title: words.seenFrom, cell: ({ first }) => <Moment at={first.time} /> },
    { id: 'until', title: words.seenUntil, cell: ({ last }) => <Moment at={last.time} /> },
    {
      id: 'take',
      title: words.choose,
      cell: (version) => (
        <span className={styles.actions}>
          <Button size="compact-sm" onClick={() => onTake(version)}>
            {words.take}
          </Button>
          {mayRead && version.type === 'file' && (
            <Button size="compact-sm" variant="default" onClick={() => setLooked(version)}>
              {words.look}
            </Button>
          )}
        </span>
      ),
    },
  ]
  return (
    <>
      <DataTable
        label={words.versions}
        rows={file.versions}
        columns={columns}
        keyOf={({ last, first }) => `${first.snapshot} ${last.snapshot}`}
      />
      {!mayRead && <p>{words.noRight}</p>}
      {looked && <PreviewOf key={looked.last.snapshot} file={file} version={looked} />}
      <Button variant="subtle" onClick={onBack}>
        {words.back}
      </Button>
    </>
  )
}
