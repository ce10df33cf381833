import { Button, Radio, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import type { FoundFile, FoundVersion } from '#protocol'
import { listMachines, readMe, restore } from '../../api/calls.ts'
import { download } from '../../api/download.ts'
import { may } from '../../api/person.ts'
import { useAction, useAnswer } from '../../api/queries.ts'
import { Section } from '../../parts/page.tsx'
import { Failure } from '../../parts/states.tsx'
import { formatMoment, formatSize } from '../../words/formats.ts'
import { useLocale, useWords } from '../../words/locale.ts'
import { isNamedByText, nameOf } from './found-names.ts'
import styles from './get-back.module.css'
import { getBackWords } from './words.ts'

type Place = 'beside' | 'inPlace' | 'download'

interface WhereToProps {
  readonly file: FoundFile
  readonly version: FoundVersion
  readonly onOther: () => void
  /** Told the id of the operation. */
  readonly onOrdered: (operation: string) => void
}

/** Where it goes, what will happen in plain words, and the button that has it happen. */
export function WhereTo({ file, version, onOther, onOrdered }: WhereToProps) {
  const words = useWords(getBackWords)
  const { data: me } = useAnswer(readMe, {})
  const { data: machines = [] } = useAnswer(listMachines, {})
  const machine = machines.find(({ id }) => id === file.machine)
  const isNamed = isNamedByText(file.path, file.rawPath)
  const [place, setPlace] = useState<Place>(isNamed ? 'beside' : 'download')
  const [reason, setReason] = useState('')
  const orders = useAction(restore)
  const downloads = useMutation({
    mutationFn: async () => await download({ file, snapshot: version.last.snapshot, reason, name: nameOf(file.path) }),
  })
  const go = () => {
    if (place === 'download') return downloads.mutate()
    const to = place === 'inPlace' ? ({ how: 'in place' } as const) : ({ how: 'new folder' } as const)
    return orders.mutate(
      { params: { machine: file.machine }, body: { snapshot: version.last.snapshot, paths: [file.path], to } },
      { onSuccess: ({ id }) => onOrdered(id) },
    )
  }
  const places: readonly Place[] = [
    ...(isNamed ? (['beside', 'inPlace'] as const) : []),
    ...(me && may(me, 'read', machine?.clientId) ? (['download'] as const) : []),
  ]
  return (
    <>
      <Radio.Group
        value={place}
        onChange={(value) => setPlace(places.find((each) => each === value) ?? 'beside')}
        aria-label={words.whereTo}
      >
        {places.map((each) => (
          <Radio
            key={each}
            className={styles.choice ?? ''}
            value={each}
            label={words[each]}
            description={words[`${each}Hint`]}
          />
        ))}
      </Radio.Group>
      {!isNamed && <p>{words.cannotByName}</p>}
      {place === 'download' && (
        <TextInput
          label={words.reason}
          description={words.reasonHint}
          value={reason}
          onChange={({ currentTarget }) => setReason(currentTarget.value)}
          minLength={5}
          maxLength={500}
          required
        />
      )}
      <Section title={words.willHappen}>
        <Plan {...{ file, version, place }} machine={machine?.name ?? file.host} />
        <div className={styles.actions}>
          <Button
            loading={orders.isPending || downloads.isPending}
            disabled={place === 'download' && reason.trim().length < 5}
            onClick={go}
          >
            {words.go}
          </Button>
          <Button variant="subtle" onClick={onOther}>
            {words.older}
          </Button>
        </div>
      </Section>
      {downloads.isSuccess && <p role="status">{words.downloaded}</p>}
      {orders.error && <Failure of={orders.error} />}
      {downloads.error && <Failure of={downloads.error} />}
    </>
  )
}

interface PlanProps {
  readonly file: FoundFile
  readonly version: FoundVersion
  readonly place: Place
  readonly machine: string
}

/** What will happen, before it does. */
function Plan({ file, version, place, machine }: PlanProps) {
  const words = useWords(getBackWords)
  const { locale } = useLocale()
  const when = formatMoment(version.modified ?? version.last.time, locale)
  const where = { beside: words.toFolder(machine), inPlace: words.toPlace(file.path), download: words.toHere }
  return (
    <ul className={styles.plan}>
      <li>{words.one(nameOf(file.path), when)}</li>
      {version.type === 'file' && <li>{words.whatSize(formatSize(version.size, locale))}</li>}
      <li>{where[place]}</li>
      {place !== 'download' && <li>{words.whenOff}</li>}
    </ul>
  )
}
