import type { Services } from '../app/services.ts'
import { passwordOf } from '../repositories/own-repositories.ts'
import type { Row } from '../store/tables.ts'

/** What opens the copy of a repository at a destination. Throws `REPOSITORY_PASSWORD_KEPT`, `SECRET_DAMAGED`. */
export function passwordOfCopy(
  services: Services,
  { id, sealedPassword }: Row<'destinations'>,
  repository: Row<'repositories'>,
): string {
  if (sealedPassword === null) return passwordOf(services, repository)
  return services.sealer.open(`password of destination ${id}`, sealedPassword)
}
