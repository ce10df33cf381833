import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { readOperation } from '../../api/calls.ts'
import { useAnswer } from '../../api/queries.ts'
import { CancelButton, OperationProgress, OperationStatus } from '../../parts/operation.tsx'
import { Copyable } from '../../parts/copyable.tsx'
import { Answered } from '../../parts/states.tsx'
import { Values } from '../../parts/values.tsx'
import { commonWords } from '../../words/common.ts'
import { useWords } from '../../words/locale.ts'
import styles from './get-back.module.css'
import { getBackWords } from './words.ts'

const whileItRuns = 5_000

/** How far the restore is; when it is done, whether it was the right one. */
export function RestoreProgress({ operation, onOther }: { readonly operation: string; readonly onOther: () => void }) {
  const words = useWords(getBackWords)
  const query = useAnswer(readOperation, { params: { operation } }, { every: whileItRuns })
  return (
    <Answered query={query}>
      {(current) => (
        <>
          <p className={styles.actions}>
            <OperationStatus of={current} /> <CancelButton of={current} />
          </p>
          {current.reason !== null && <p>{current.reason}</p>}
          <OperationProgress of={current} />
          {current.state === 'done' && (
            <>
              <p role="status">
                <b>{words.done}</b> {words.wasItRight}
              </p>
              {current.result && <Result of={current.result} />}
              <p className={styles.actions}>
                <Button renderRoot={(props) => <Link {...props} to="/" />}>{words.right}</Button>
                <Button variant="default" onClick={onOther}>
                  {words.older}
                </Button>
              </p>
            </>
          )}
          {current.state === 'waiting' && <p>{words.whenOff}</p>}
        </>
      )}
    </Answered>
  )
}

/** Where it is now; all that the machine told of it below. */
function Result({ of }: { readonly of: Readonly<Record<string, unknown>> }) {
  const words = useWords(getBackWords)
  const { details } = useWords(commonWords)
  const { folder } = of
  return (
    <>
      {typeof folder === 'string' && (
        <>
          {words.folderOf}
          <Copyable text={folder} label={words.folderOf} />
        </>
      )}
      <details className={styles.details}>
        <summary>{details}</summary>
        <Values of={of} />
      </details>
    </>
  )
}
