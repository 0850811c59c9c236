"""Each family is refused wherever its attack stands, and nothing of a refused body reaches the application."""

from e2e.attacks import ATTACKS, PLACES, STANDS
from e2e.case import Case


class Families(Case):
    """One test for each family, made below; a case for each place."""

    def refuse_everywhere(self, family):
        for place in STANDS[family]:
            with self.subTest(place):
                response = self.send(**PLACES[place](ATTACKS[family]))
                self.assert_refused(response, family)
                self.assertEqual([seen.body_bytes for seen in self.upstream.take() if seen.body_bytes], [])

    def test_every_place_is_used_and_every_family_stands_somewhere(self):
        self.assertEqual(set(STANDS), set(ATTACKS))
        self.assertEqual({place for places in STANDS.values() for place in places}, set(PLACES))

    def test_the_places_are_harmless_without_the_attack(self):
        for place, make in PLACES.items():
            with self.subTest(place):
                self.assert_passes(self.send(**make("<o>plain words</o>" if place == "XML itself" else "plain words")))


for _family in ATTACKS:
    setattr(Families, "test_" + _family.replace("-", "_"), lambda self, family=_family: self.refuse_everywhere(family))
