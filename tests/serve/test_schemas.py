"""Manifests against KServe's schemas, answers against the Open Inference Protocol's."""

import json
import lzma
import os
import re
import unittest

import jsonschema
import numpy
import support
import yaml

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kserve")
CHART = support.root("samples/deploy/kserve/chart")


def strict(schema):
    """The schema, where fields that it does not name are errors, and not pruned as by Kubernetes."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items()}
    has_names = isinstance(schema.get("properties"), dict) and schema.get("type") == "object"
    if has_names and "additionalProperties" not in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        made["additionalProperties"] = False
    if schema.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
        made["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    return made


def resource_schema(name, version):
    with lzma.open(os.path.join(DATA, f"{name}.crd.yaml.xz")) as file:
        definition = yaml.safe_load(file)
    [found] = [v["schema"]["openAPIV3Schema"] for v in definition["spec"]["versions"] if v["name"] == version]
    schema = strict(found)
    schema["properties"]["metadata"] = {"type": "object"}
    return schema


def rendered(template):
    """What Helm makes of a template that only takes values."""
    with open(os.path.join(CHART, "values.yaml")) as file:
        values = {"Values": yaml.safe_load(file), "Release": {"Name": "digits"}}

    def value(match):
        found = values
        for part in match[1].split("."):
            found = found[part]
        return str(found)

    with open(os.path.join(CHART, "templates", template)) as file:
        text = re.sub(r"\{\{ \.([\w.]+) \}\}", value, file.read())
    assert "{{" not in text, text
    return yaml.safe_load(text)


class Manifests(unittest.TestCase):
    CASES = (
        ("runtime.yaml", "clusterservingruntimes", "v1alpha1"),
        ("service.yaml", "inferenceservices", "v1beta1"),
    )

    def test_manifests(self):
        for template, resource, version in self.CASES:
            with self.subTest(template):
                made = rendered(template)
                self.assertEqual(made["apiVersion"], f"serving.kserve.io/{version}")
                jsonschema.Draft7Validator(resource_schema(resource, version)).validate(made)

    def test_a_wrong_manifest_is_refused(self):
        for template, resource, version in self.CASES:
            for change in ("unknown", "type"):
                made = rendered(template)
                spec = made["spec"].get("predictor", made["spec"])
                if change == "unknown":
                    spec["supportedModelFromats"] = []
                elif template == "runtime.yaml":
                    spec["containers"] = "one"
                else:
                    spec["minReplicas"] = "two"
                with self.subTest(template=template, change=change), self.assertRaises(jsonschema.ValidationError):
                    jsonschema.Draft7Validator(resource_schema(resource, version)).validate(made)

    def test_service_names_its_runtime(self):
        runtime, service = rendered("runtime.yaml"), rendered("service.yaml")
        model = service["spec"]["predictor"]["model"]
        self.assertEqual(model["runtime"], runtime["metadata"]["name"])
        self.assertIn(model["protocolVersion"], runtime["spec"]["protocolVersions"])
        formats = [kind["name"] for kind in runtime["spec"]["supportedModelFormats"]]
        self.assertIn(model["modelFormat"]["name"], formats)

    def test_server_takes_the_arguments(self):
        [container] = rendered("runtime.yaml")["spec"]["containers"]
        taken = [argument for argument in container["args"] if not re.search("-(port|store)=", argument)]
        repository = os.path.join(support.folder, "kserve")
        support.add_model(repository, "digits", support.digits())
        with support.Server(repository, options=taken) as server:
            self.assertEqual(server.get("/v2/models/digits/ready"), "")


class Answers(unittest.TestCase):
    def test_protocol(self):
        with open(os.path.join(DATA, "open_inference_rest.yaml")) as file:
            protocol = yaml.safe_load(file)
        repository = os.path.join(support.folder, "protocol")
        support.add_model(repository, "digits", support.digits())
        with support.Server(repository) as server:
            image = numpy.zeros([1, 1, 8, 8], "float32")
            body = {"inputs": [{"name": "image", "shape": [1, 1, 8, 8], "datatype": "FP32", "data": image.ravel().tolist()}]}
            answers = {
                "metadata_server_response": server.get("/v2"),
                "metadata_model_response": server.get("/v2/models/digits"),
                "inference_response": server.post("/v2/models/digits/infer", body),
                "inference_error_response": server.post("/v2/models/digits/infer", {"inputs": []}),
            }
            for name, text in answers.items():
                with self.subTest(name):
                    schema = {"$ref": f"#/components/schemas/{name}", "components": protocol["components"]}
                    jsonschema.Draft7Validator(schema).validate(json.loads(text))
            self.assertEqual(json.loads(answers["inference_response"])["outputs"][0]["shape"], [1, 10])
            metadata = server.grpc_client().get_model_metadata("digits")
            self.assertEqual((metadata.platform, list(metadata.inputs[0].shape)), ("erc", [1, 1, 8, 8]))
